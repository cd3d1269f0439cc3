import { connect } from "node:net";
import type { Socket } from "node:net";
import { ByteSource } from "./byte-source.ts";
import { callName } from "./call-name.ts";
import type { Fault, Flow } from "./fault.ts";
import { parseAnswerHead, parseRequestHead } from "./http-head.ts";
import type { AnswerHead, Framing, RequestHead } from "./http-head.ts";
import { ConnectionOver, passBytes } from "./pass-bytes.ts";
import type { PassOptions } from "./pass-bytes.ts";

/** What a connection tells, and asks, of the proxy that it belongs to. */
export interface ConnectionHost {
  enginePath: string;
  /** A call begins; the fault that it is to have. */
  begin(call: string): Fault | null;
  passed(flow: Flow, bytes: number): void;
}

/**
 * One connection of a caller, with one of its own to the engine. Calls come one after the other, as
 * clients of HTTP/1.1 do it that do not pipeline.
 */
export class ProxyConnection {
  readonly #host: ConnectionHost;
  readonly #caller: Socket;
  readonly #fromCaller: ByteSource;
  readonly #over = new AbortController();
  #engine: { socket: Socket; source: ByteSource } | null = null;
  #state: "idle" | "in-call" | "streaming" = "idle";

  constructor(host: ConnectionHost, caller: Socket) {
    this.#host = host;
    this.#caller = caller;
    this.#fromCaller = new ByteSource(caller, () => this.#callerEnded());
    caller.once("close", () => this.close());
  }

  /** Serve it to its end. Never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#serveCall());
    } catch {
      // Whatever is wrong with a connection, its two ends see that it is closed.
    }
    this.close();
  }

  /** Break it off, both ways. */
  close(): void {
    this.#over.abort();
    this.#caller.destroy();
    this.#engine?.socket.destroy();
  }

  /** @returns whether another call may follow */
  async #serveCall(): Promise<boolean> {
    const head = await this.#fromCaller.head();
    if (!head) return false;
    this.#state = "in-call";
    const request = parseRequestHead(head);
    const fault = this.#host.begin(callName(request.method, request.target));
    if (fault?.kind === "interrupt" && fault.flow === "request") await fault.run();
    if (fault?.kind === "rewrite" && !fault.engineAsked) {
      for await (const _ of this.#fromCaller.body(request.framing));
      await this.#rewrite(fault);
      this.#state = "idle";
      return true;
    }
    const engine = this.#reachEngine();
    const body = withHead(head, this.#fromCaller.body(request.framing));
    await passBytes(body, engine.socket, this.#options("request", fault));
    const more = await this.#passAnswer(request, engine, fault);
    this.#state = "idle";
    return more;
  }

  async #passAnswer(
    request: RequestHead,
    { socket, source }: { socket: Socket; source: ByteSource },
    fault: Fault | null,
  ): Promise<boolean> {
    const { head, answer } = await this.#readAnswer(source, request.method);
    if (fault?.kind === "interrupt" && fault.flow === "answer") await fault.run();
    if (fault?.kind === "rewrite") {
      for await (const _ of source.body(answer.framing));
      await this.#rewrite(fault);
      return !answer.upgraded;
    }
    const body = withHead(head, source.body(answer.upgraded ? NOTHING : answer.framing));
    await passBytes(body, this.#caller, this.#options("answer", fault));
    if (answer.upgraded) await this.#stream(socket, source, fault);
    return !answer.upgraded && answer.framing.kind !== "until-end";
  }

  async #readAnswer(
    source: ByteSource,
    method: string,
  ): Promise<{ head: Buffer; answer: AnswerHead }> {
    for (;;) {
      const head = await source.head();
      if (!head) throw new ConnectionOver();
      const answer = parseAnswerHead(head, method);
      if (!answer.informational) return { head, answer };
      this.#caller.write(head);
    }
  }

  async #rewrite(fault: Fault & { kind: "rewrite" }): Promise<void> {
    const { status, body, contentType = "application/json" } = fault;
    const head = [
      `HTTP/1.1 ${status} Rewritten`,
      `Content-Type: ${contentType}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    const bytes = Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
    await passBytes(one(bytes), this.#caller, this.#options("answer", null));
  }

  async #stream(socket: Socket, source: ByteSource, fault: Fault | null): Promise<void> {
    this.#state = "streaming";
    const outward = passBytes(source.rest(), this.#caller, this.#options("from-sandbox", fault));
    const inward = passBytes(
      this.#fromCaller.rest(),
      socket,
      this.#options("to-sandbox", fault),
    ).then(() => socket.end());
    // A fault of either ends both. The end of what the caller sends does not, that of the engine does.
    await Promise.race([outward, inward.then(() => outward)]);
    await new Promise((resolve) => this.#caller.end(() => resolve(undefined)));
  }

  #reachEngine(): { socket: Socket; source: ByteSource } {
    if (this.#engine) return this.#engine;
    const socket = connect({ path: this.#host.enginePath, allowHalfOpen: true });
    const source = new ByteSource(socket, () => this.#engineEnded());
    this.#engine = { socket, source };
    if (this.#over.signal.aborted) socket.destroy();
    return this.#engine;
  }

  #options(flow: Flow, fault: Fault | null): PassOptions {
    const count = (bytes: number): void => this.#host.passed(flow, bytes);
    return { flow, fault, closed: this.#over.signal, count };
  }

  // Of a stream it is the end of the input; otherwise clients do this when they no longer wait.
  #callerEnded(): void {
    if (this.#state !== "streaming") this.close();
  }

  // Amid a call, whoever reads the answer sees it.
  #engineEnded(): void {
    if (this.#state === "idle") this.close();
  }
}

const NOTHING: Framing = { kind: "length", bytes: 0 };

async function* withHead(head: Buffer, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  yield head;
  yield* body;
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}
