/** How the end of a message's body is told. */
export type Framing =
  | { kind: "length"; bytes: number }
  | { kind: "chunked" }
  /** The connection ends with it. */
  | { kind: "until-end" };

const NO_BODY: Framing = { kind: "length", bytes: 0 };

export interface RequestHead {
  method: string;
  target: string;
  framing: Framing;
}

export interface AnswerHead {
  status: number;
  /** What follows is no HTTP any more. */
  upgraded: boolean;
  /** Another head follows, which is the answer. */
  informational: boolean;
  framing: Framing;
}

/** @throws Error where it is no HTTP/1.1 */
export function parseRequestHead(head: Buffer): RequestHead {
  const { first, headers } = parse(head);
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || target === undefined) throw malformed("request", first);
  return { method, target, framing: framingOf(headers) ?? NO_BODY };
}

/** @throws Error where it is no HTTP/1.1 */
export function parseAnswerHead(head: Buffer, method: string): AnswerHead {
  const { first, headers } = parse(head);
  const [, digits] = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first) ?? [];
  if (digits === undefined) throw malformed("answer", first);
  const status = Number(digits);
  const upgraded = status === 101;
  const bodiless = status < 200 || status === 204 || status === 304 || method === "HEAD";
  const framing = bodiless ? NO_BODY : (framingOf(headers) ?? { kind: "until-end" });
  return { status, upgraded, informational: status < 200 && !upgraded, framing };
}

function parse(head: Buffer): { first: string; headers: ReadonlyMap<string, string> } {
  const [first = "", ...lines] = head.toString("latin1").split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { first, headers };
}

function framingOf(headers: ReadonlyMap<string, string>): Framing | null {
  if (headers.get("transfer-encoding")?.toLowerCase().endsWith("chunked"))
    return { kind: "chunked" };
  const length = headers.get("content-length");
  return length === undefined ? null : { kind: "length", bytes: Number(length) };
}

function malformed(what: string, first: string): Error {
  return new Error(`This is no HTTP ${what}: ${JSON.stringify(first.slice(0, 100))}`);
}
