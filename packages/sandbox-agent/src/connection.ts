import type { Duplex } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";
import { Call } from "./call.ts";
import type { FrameSink } from "./call.ts";
import { FRAME, FrameDecoder, FrameError, MAX_JSON_BYTES, frameHeader } from "./frames.ts";
import type { Frame, FrameType } from "./frames.ts";
import { errorFromWire, helloSchema } from "./wire.ts";
import type { AgentHello } from "./wire.ts";

const PROTOCOL_VERSION = 1;
/** First window of every stream of a call, in both directions. */
const WINDOW_BYTES = 1024 * 1024;
const HELLO_TIMEOUT_MS = 15_000;
const TICK_MS = 1000;
const PING_INTERVAL_MS = 10_000;
const PONG_TIMEOUT_MS = 15_000;
/** Frames for calls that are over may cross their end; a flood of them is no accident. */
const MAX_STRAY_FRAMES = 10_000;
const MAX_STREAM = 2 ** 31 - 1;
/** What is less than this is copied together, so that it leaves in one write. */
const GATHERED_BYTES = 16 * 1024;

/** One byte stream to an agent, from its hello to its end. */
export class AgentConnection implements FrameSink {
  readonly hello: AgentHello;
  readonly #stream: Duplex;
  readonly #calls = new Map<number, Call>();
  #lastStream = 0;
  #strayFrames = 0;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #drained: PromiseWithResolvers<void> | null = null;
  #failure: SandboxError | null = null;
  #timer: NodeJS.Timeout | null = null;
  #sincePingMs = 0;
  #awaitedPongMs: number | null = null;

  private constructor(stream: Duplex, hello: AgentHello) {
    this.#stream = stream;
    this.hello = hello;
  }

  /**
   * Greet the agent at the other end of a byte stream, which belongs to the connection from then on.
   * @throws `unavailable` where no agent answers, `aborted`
   */
  static async open(stream: Duplex, signal?: AbortSignal): Promise<AgentConnection> {
    const decoder = new FrameDecoder();
    const deadline = AbortSignal.timeout(HELLO_TIMEOUT_MS);
    const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      const { hello, rest } = await greet(stream, decoder, stop);
      const connection = new AgentConnection(stream, hello);
      connection.#attach(decoder, rest);
      return connection;
    } catch (error) {
      stream.destroy();
      if (SandboxError.isInstance(error)) throw error;
      const code = signal?.aborted ? "aborted" : "unavailable";
      throw new SandboxError({
        code,
        message: "No agent answered at the other end of the connection to the sandbox.",
        cause: error,
      });
    }
  }

  /** Why it is over; `null` while it lives. */
  get failure(): SandboxError | null {
    return this.#failure;
  }

  /**
   * Begin a call. Its parameters are JSON.
   * @throws `too-large` where they are over a mebibyte; the reason where the connection is over
   */
  call(method: string, parameters: object, silenceMs: number | null): Call {
    if (this.#failure) throw this.#failure;
    const payload = Buffer.from(JSON.stringify({ ...parameters, method }));
    if (payload.length > MAX_JSON_BYTES) {
      throw new SandboxError({
        code: "too-large",
        message: `The arguments take ${payload.length} bytes; ${MAX_JSON_BYTES} are allowed.`,
      });
    }
    if (this.#lastStream === MAX_STREAM) this.close(brokenError("it has no numbers left"));
    const stream = ++this.#lastStream;
    const call = new Call({
      sink: this,
      stream,
      receiveWindow: WINDOW_BYTES,
      sendWindow: this.hello.window,
      silenceMs,
    });
    this.#calls.set(stream, call);
    this.send(FRAME.open, stream, payload);
    return call;
  }

  /** What is sent before the event loop turns leaves in one write. */
  send(type: FrameType, stream: number, payload?: Uint8Array): void {
    if (this.#failure) return;
    // A tick comes after all promises that are settled by now have gone on.
    if (this.#pending.length === 0) process.nextTick(() => this.#flush());
    const header = frameHeader(type, stream, payload?.length ?? 0);
    this.#pending.push(header);
    if (payload) this.#pending.push(payload);
    this.#pendingBytes += header.length + (payload?.length ?? 0);
  }

  writable(): Promise<void> {
    if (this.#pendingBytes < GATHERED_BYTES) return Promise.resolve();
    this.#flush();
    if (!this.#stream.writableNeedDrain || this.#failure) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Count no time and ask for no sign of life: the sandbox is frozen. */
  suspend(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  wake(): void {
    if (this.#timer || this.#failure) return;
    this.#sincePingMs = 0;
    this.#awaitedPongMs = null;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** End the connection; its calls fail with this error. */
  close(error: SandboxError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.suspend();
    this.#stream.destroy();
    this.#drained?.resolve();
    for (const call of this.#calls.values()) call.fail(error, { broken: true });
    this.#calls.clear();
  }

  #attach(decoder: FrameDecoder, rest: readonly Frame[]): void {
    const stream = this.#stream;
    stream.on("data", (bytes: Buffer) => this.#receiveAll(decoder.push(bytes)));
    stream.on("drain", () => {
      this.#drained?.resolve();
      this.#drained = null;
    });
    stream.on("error", (error) => this.close(brokenError("it failed", error)));
    stream.on("end", () => this.close(brokenError("it ended")));
    stream.on("close", () => this.close(brokenError("it was closed")));
    this.wake();
    this.#receiveAll(rest);
    stream.resume();
  }

  #receiveAll(frames: Iterable<Frame>): void {
    try {
      for (const frame of frames) this.#receive(frame);
    } catch (error) {
      this.close(brokenError("the agent broke its protocol", error));
    }
  }

  #receive({ type, stream, payload }: Frame): void {
    if (type === FRAME.ping) return this.send(FRAME.pong, 0, Buffer.from(payload));
    if (type === FRAME.pong) this.#awaitedPongMs = null;
    else if (type === FRAME.goodbye) this.close(errorFromWire(parseJson(payload)));
    else if (stream === 0) throw new FrameError(`a frame of type ${type} outside of a call`);
    else this.#receiveOn(stream, type, payload);
  }

  #receiveOn(stream: number, type: number, payload: Buffer): void {
    const call = this.#calls.get(stream);
    if (!call) {
      if (stream > this.#lastStream || ++this.#strayFrames > MAX_STRAY_FRAMES) {
        throw new FrameError(`a frame for the call ${stream} that is none`);
      }
      return;
    }
    if (type === FRAME.data || type === FRAME.event) {
      const item = { type: type === FRAME.data ? "data" : "event", payload } as const;
      if (!call.receive(item)) throw new FrameError(`more than was granted to the call ${stream}`);
    } else if (type === FRAME.window && payload.length === 4) {
      call.grant(payload.readUInt32BE(0));
    } else if (type === FRAME.result || type === FRAME.error) {
      const value = parseJson(payload);
      this.#calls.delete(stream);
      this.#strayFrames = 0;
      if (type === FRAME.result) call.succeed(value);
      else call.fail(errorFromWire(value));
    } else {
      throw new FrameError(`a frame of type ${type} from an agent`);
    }
  }

  #flush(): void {
    const pending = this.#pending;
    if (pending.length === 0 || this.#failure) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    let gathered: Uint8Array[] = [];
    let bytes = 0;
    const write = (): void => {
      if (gathered.length > 0) this.#stream.write(Buffer.concat(gathered));
      gathered = [];
      bytes = 0;
    };
    for (const part of pending) {
      if (bytes + part.length > GATHERED_BYTES) write();
      if (part.length > GATHERED_BYTES) {
        this.#stream.write(part);
      } else {
        gathered.push(part);
        bytes += part.length;
      }
    }
    write();
  }

  #tick(): void {
    for (const [stream, call] of this.#calls) {
      call.passTime(TICK_MS);
      if (call.over) this.#calls.delete(stream);
    }
    if (this.#awaitedPongMs !== null && (this.#awaitedPongMs += TICK_MS) > PONG_TIMEOUT_MS) {
      return this.close(brokenError(`there was no sign of life for ${PONG_TIMEOUT_MS} ms`));
    }
    this.#sincePingMs += TICK_MS;
    if (this.#sincePingMs < PING_INTERVAL_MS || this.#awaitedPongMs !== null) return;
    this.#sincePingMs = 0;
    this.#awaitedPongMs = 0;
    this.send(FRAME.ping, 0, Buffer.alloc(8));
  }
}

/** Send the hello and wait for the agent's; frames that came right behind it are handed on. */
async function greet(
  stream: Duplex,
  decoder: FrameDecoder,
  signal: AbortSignal,
): Promise<{ hello: AgentHello; rest: Frame[] }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    hello: AgentHello;
    rest: Frame[];
  }>();
  const frames: Frame[] = [];
  const onData = (bytes: Buffer): void => {
    try {
      frames.push(...decoder.push(bytes));
      const first = frames[0];
      if (!first) return;
      const value = parseJson(first.payload);
      if (first.type === FRAME.goodbye) throw errorFromWire(value);
      if (first.type !== FRAME.hello) throw new FrameError("the first frame is no hello");
      stream.pause();
      resolve({ hello: helloSchema.parse(value), rest: frames.slice(1) });
    } catch (error) {
      reject(error);
    }
  };
  const onEnd = (): void => reject(new Error("the connection ended before the agent's hello"));
  const onAbort = (): void => reject(signal.reason);
  stream.on("data", onData).on("error", reject).on("end", onEnd).on("close", onEnd);
  signal.addEventListener("abort", onAbort, { once: true });
  const payload = Buffer.from(
    JSON.stringify({ protocol: [PROTOCOL_VERSION, PROTOCOL_VERSION], window: WINDOW_BYTES }),
  );
  stream.write(Buffer.concat([frameHeader(FRAME.hello, 0, payload.length), payload]));
  try {
    signal.throwIfAborted();
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    stream.off("data", onData).off("error", reject).off("end", onEnd).off("close", onEnd);
    // Without a listener an error would end the program; whoever takes over sets its own.
    stream.on("error", () => undefined);
  }
}

function parseJson(payload: Buffer): unknown {
  return JSON.parse(payload.toString("utf8"));
}

function brokenError(why: string, cause?: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: `The connection to the sandbox broke: ${why}. Look what became of the operation before you repeat it.`,
    cause,
  });
}
