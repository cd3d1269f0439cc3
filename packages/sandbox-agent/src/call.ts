import { SandboxError } from "@carrel/backend-protocol";
import { CHUNK_HEAD_BYTES, FRAME, MAX_DATA_BYTES } from "./frames.ts";
import type { FrameType } from "./frames.ts";

/** What a call sends its frames through. */
export interface FrameSink {
  send(type: FrameType, stream: number, payload?: Uint8Array): void;
  /** Resolves once the byte stream takes more; at once where it does already. */
  writable(): Promise<void>;
}

/** `DATA` or `EVENT`, in the order in which they came. */
export interface Item {
  type: "data" | "event";
  payload: Buffer;
}

export interface CallOptions {
  sink: FrameSink;
  stream: number;
  /** What the agent may send before more is granted. */
  receiveWindow: number;
  /** What the agent takes before it grants more. */
  sendWindow: number;
  /**
   * How long the agent may be silent while something is awaited of it. `null`: for ever, as where the
   * call waits for something to happen.
   */
  silenceMs: number | null;
}

/** One call on a connection: what comes in is kept until it is read, no more than its window. */
export class Call {
  readonly #sink: FrameSink;
  readonly #stream: number;
  readonly #items: Item[] = [];
  readonly #receiveWindow: number;
  readonly #silenceMs: number | null;
  readonly #result: PromiseWithResolvers<unknown> = Promise.withResolvers();
  #granted: number;
  #consumed = 0;
  #sendWindow: number;
  #reader: (() => void) | null = null;
  #writer: (() => void) | null = null;
  #silentMs = 0;
  #failure: SandboxError | null = null;
  #over = false;
  #broken = false;

  constructor({ sink, stream, receiveWindow, sendWindow, silenceMs }: CallOptions) {
    this.#sink = sink;
    this.#stream = stream;
    this.#receiveWindow = receiveWindow;
    this.#granted = receiveWindow;
    this.#sendWindow = sendWindow;
    this.#silenceMs = silenceMs;
    // Whoever reads the items is told as well, and need not look at the result.
    this.#result.promise.catch(() => undefined);
  }

  /** The parsed JSON of the `RESULT`; rejects with a SandboxError. */
  get result(): Promise<unknown> {
    return this.#result.promise;
  }

  /** The connection ended before the call did. */
  get broken(): boolean {
    return this.#broken;
  }

  get over(): boolean {
    return this.#over;
  }

  /** The next item, or `null` at the end of a call that succeeded. @throws SandboxError */
  async next(): Promise<Item | null> {
    for (;;) {
      const item = this.#items.shift();
      if (item) {
        this.#giveBack(item.payload.length);
        return item;
      }
      if (this.#failure) throw this.#failure;
      if (this.#over) return null;
      await new Promise<void>((resolve) => (this.#reader = resolve));
    }
  }

  /** Send bytes of the body; resolves once the agent has granted room for them. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length && !this.#over;) {
      const size = Math.min(bytes.length - start, MAX_DATA_BYTES, this.#sendWindow);
      if (size === 0) {
        await new Promise<void>((resolve) => (this.#writer = resolve));
        continue;
      }
      this.#sendWindow -= size;
      this.#sink.send(FRAME.data, this.#stream, bytes.subarray(start, start + size));
      start += size;
      await this.#sink.writable();
    }
  }

  /** No more of the body follows. */
  end(): void {
    if (!this.#over) this.#sink.send(FRAME.end, this.#stream);
  }

  /** Ask the agent to stop the work. The call still ends by what the agent answers. */
  cancel(): void {
    if (!this.#over) this.#sink.send(FRAME.cancel, this.#stream);
  }

  /** `false` where the agent sent more than it was granted. */
  receive(item: Item): boolean {
    if (item.payload.length > this.#granted || item.payload.length === 0) return false;
    this.#granted -= item.payload.length;
    this.#silentMs = 0;
    this.#items.push(item);
    this.#wakeReader();
    return true;
  }

  grant(bytes: number): void {
    this.#silentMs = 0;
    this.#sendWindow = Math.min(this.#sendWindow + bytes, Number.MAX_SAFE_INTEGER);
    this.#wakeWriter();
  }

  succeed(value: unknown): void {
    this.#result.resolve(value);
    this.#finish();
  }

  /** @param broken the connection ended, so that nobody knows what became of the call */
  fail(error: SandboxError, { broken = false }: { broken?: boolean } = {}): void {
    if (this.#over) return;
    this.#failure = error;
    this.#broken = broken;
    this.#result.reject(error);
    this.#finish();
  }

  /** Called at intervals while the connection lives. Ends a call that the agent has forgotten. */
  passTime(elapsedMs: number): void {
    const awaitsAgent = this.#items.length === 0;
    this.#silentMs = awaitsAgent ? this.#silentMs + elapsedMs : 0;
    if (this.#silenceMs === null || this.#silentMs <= this.#silenceMs) return;
    this.cancel();
    this.fail(
      new SandboxError({
        code: "timeout",
        message: `The sandbox did not answer for ${this.#silenceMs} ms. Look what became of the operation before you repeat it.`,
      }),
    );
  }

  #finish(): void {
    this.#over = true;
    this.#wakeReader();
    this.#wakeWriter();
  }

  #giveBack(bytes: number): void {
    this.#consumed += bytes;
    const grant = this.#consumed;
    if (this.#over || grant < (this.#receiveWindow - CHUNK_HEAD_BYTES) / 2) return;
    this.#consumed = 0;
    this.#granted += grant;
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(grant, 0);
    this.#sink.send(FRAME.window, this.#stream, payload);
  }

  #wakeReader(): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.();
  }

  #wakeWriter(): void {
    const writer = this.#writer;
    this.#writer = null;
    writer?.();
  }
}
