import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";

const DEFAULT_DEADLINE_MS = 60_000;

export interface Asked {
  method?: string;
  /** What is sent; an object as JSON. */
  body?: string | Uint8Array | object;
  headers?: Record<string, string>;
  /** @default a minute */
  deadlineMs?: number;
}

export interface Answer {
  status: number;
  body: Buffer;
  text: string;
}

/** One request over a connection of its own, as somebody who has no connection yet. */
export async function ask(url: string, asked: Asked = {}): Promise<Answer> {
  const { method = "GET", headers = {}, deadlineMs = DEFAULT_DEADLINE_MS } = asked;
  const isJson = typeof asked.body === "object" && !(asked.body instanceof Uint8Array);
  const sending = request(url, {
    method,
    agent: false,
    headers: { ...(isJson && { "Content-Type": "application/json" }), ...headers },
    signal: AbortSignal.timeout(deadlineMs),
  });
  const coming = once(sending, "response");
  sending.end(isJson ? JSON.stringify(asked.body) : asked.body);
  const [incoming] = (await coming) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  return { status: incoming.statusCode ?? 0, body, text: body.toString("utf8") };
}
