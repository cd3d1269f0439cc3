import { LoopShare, MemoryMeter, SandboxError } from "@carrel/backend-protocol";
import type { MemoryBudget } from "@carrel/backend-protocol";
import { CHUNK_HEAD_BYTES, FRAME, MAX_DATA_BYTES } from "./frames.ts";
import type { FrameType } from "./frames.ts";
import { ITEM_COST_BYTES, Inbox } from "./inbox.ts";
import type { Item } from "./inbox.ts";
import { ownBytes } from "./own-bytes.ts";

/** How long an agent may take to end a call that it was asked to stop. */
const CANCEL_TIMEOUT_MS = 15_000;

/** What a call sends its frames through. */
export interface FrameSink {
  /** The payload belongs to the sink from then on. */
  send(type: FrameType, stream: number, payload?: Uint8Array): void;
  /** Resolves once the byte stream takes more; at once where it does already. */
  writable(): Promise<void>;
}

/** How long a call may take, in milliseconds. A sandbox that is frozen uses no time. */
export interface CallLimits {
  /** For the agent's first `DATA` or `EVENT`; `null`: none has to come. */
  startMs: number | null;
  /** For each further sign, while one is awaited; `null`: the call waits for something to happen. */
  silenceMs: number | null;
  /** For all of it. @default any time */
  totalMs?: number;
}

export interface CallOptions {
  sink: FrameSink;
  stream: number;
  /** What the agent may send before more is granted. */
  receiveWindow: number;
  /** What the agent takes before it grants more. */
  sendWindow: number;
  limits: CallLimits;
  /** The agent's `DATA` is one run of bytes, without regard to its frames. */
  joins: boolean;
  /** The budget in which what it holds counts. @default none */
  memory?: MemoryBudget | undefined;
  /** The loop's time that its readers take. @default its own */
  share?: LoopShare;
}

/** One call on a connection: what comes in is kept until it is read, no more than its window. */
export class Call {
  readonly #sink: FrameSink;
  readonly #stream: number;
  readonly #inbox: Inbox;
  readonly #receiveWindow: number;
  readonly #limits: CallLimits;
  readonly #memory: MemoryMeter;
  /** The loop's time that work for this call takes. */
  readonly share: LoopShare;
  readonly #result: PromiseWithResolvers<unknown> = Promise.withResolvers();
  #granted: number;
  #consumed = 0;
  /** Copies of what callers write, until the agent grants room for them. */
  #copiedBytes = 0;
  readonly #firstSendWindow: number;
  #sendWindow: number;
  #reader: (() => void) | null = null;
  #writer: (() => void) | null = null;
  #written: Promise<void> = Promise.resolve();
  #bodyEnded = false;
  #started = false;
  #waitsOutside = false;
  #silentMs = 0;
  #totalMs = 0;
  #cancelledMs: number | null = null;
  #overMs = 0;
  #failure: SandboxError | null = null;
  #over = false;
  #broken = false;

  constructor(options: CallOptions) {
    const { sink, stream, receiveWindow, sendWindow, limits, joins, memory } = options;
    this.#sink = sink;
    this.#stream = stream;
    this.#inbox = new Inbox({ joins });
    this.#receiveWindow = receiveWindow;
    this.#granted = receiveWindow;
    this.#firstSendWindow = sendWindow;
    this.#sendWindow = sendWindow;
    this.#limits = limits;
    this.share = options.share ?? new LoopShare();
    this.#memory = new MemoryMeter(memory ?? null, (error) => this.abandon(error));
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

  /** How long it has been over while the agent has not ended it. */
  get overMs(): number {
    return this.#overMs;
  }

  /** The next item, or `null` at the end of a call that succeeded. @throws SandboxError */
  async next(): Promise<Item | null> {
    for (;;) {
      const turn = this.#inbox.empty ? null : this.share.turn();
      if (turn) await turn;
      const item = this.#inbox.shift();
      if (item) {
        this.share.chargePiece(item.payload.length);
        this.#count();
        this.#giveBack(item.payload.length);
        return item;
      }
      if (this.#failure) throw this.#failure;
      if (this.#over) return null;
      await new Promise<void>((resolve) => (this.#reader = resolve));
    }
  }

  /**
   * Send bytes of the body, after those before; resolves once the agent granted room for them. They
   * may still be on their way then, and must not change any more. After the end of the body or of the
   * call they are dropped.
   */
  write(bytes: Uint8Array): Promise<void> {
    this.#written = this.#written.then(() => this.#write(bytes));
    return this.#written;
  }

  /** Does what {@link write} does, with bytes that may change after this; their copy counts as held by the call. */
  async writeCopy(data: string | Uint8Array): Promise<void> {
    const copy = ownBytes(data);
    const costBytes = copy.length + ITEM_COST_BYTES;
    this.#copiedBytes += costBytes;
    this.#count();
    await this.write(copy);
    this.#copiedBytes -= costBytes;
    this.#count();
  }

  /** No more of the body follows what was written. */
  end(): Promise<void> {
    this.#written = this.#written.then(() => {
      if (!this.#over && !this.#bodyEnded) this.#sink.send(FRAME.end, this.#stream);
      this.#bodyEnded = true;
    });
    return this.#written;
  }

  /** Wait for something that is not the agent's: that it is silent meanwhile is no fault of it. */
  async waitOutside<Value>(wait: Promise<Value>): Promise<Value> {
    this.#waitsOutside = true;
    try {
      return await wait;
    } finally {
      this.#waitsOutside = false;
      this.#silentMs = 0;
    }
  }

  /** Ask the agent to stop the work. The call still ends by what the agent answers. */
  cancel(): void {
    if (this.#over || this.#cancelledMs !== null) return;
    this.#cancelledMs = 0;
    this.#sink.send(FRAME.cancel, this.#stream);
  }

  /** Ask the agent to stop the work, and wait no longer. What was not read is dropped. */
  abandon(error: SandboxError): void {
    this.cancel();
    this.fail(error);
    // What was not read is missing, though the agent ended the call before.
    if (!this.#inbox.empty) this.#failure ??= error;
    // The agent decides for how long the connection still knows this call.
    this.#inbox.clear();
    this.#count();
  }

  /** `false` where the agent sent more than it was granted. */
  receive(item: Item): boolean {
    if (item.payload.length > this.#granted) return false;
    this.#granted -= item.payload.length;
    this.#started = true;
    this.#silentMs = 0;
    // Nobody reads it. It was on its way, and is no more than the window.
    if (this.#over) return true;
    if (!this.#inbox.add(item)) return false;
    this.#count();
    this.#wakeReader();
    return true;
  }

  /** @returns `false` if it is more than the agent can have taken of what was sent */
  grant(bytes: number): boolean {
    // Nobody waits for room where nothing is left to be sent.
    if (bytes > 0 && this.#writer) this.#seeTaken();
    this.#sendWindow = Math.min(this.#sendWindow + bytes, Number.MAX_SAFE_INTEGER);
    this.#wakeWriter();
    return this.#sendWindow <= this.#firstSendWindow;
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
    if (this.#over) {
      this.#overMs += elapsedMs;
      return;
    }
    const awaitsAgent = this.#inbox.empty && !this.#waitsOutside;
    this.#silentMs = awaitsAgent ? this.#silentMs + elapsedMs : 0;
    this.#totalMs += elapsedMs;
    if (this.#cancelledMs !== null) this.#cancelledMs += elapsedMs;
    const { startMs, silenceMs, totalMs = Infinity } = this.#limits;
    const limitMs = (this.#started ? silenceMs : (startMs ?? silenceMs)) ?? Infinity;
    if (this.#silentMs > limitMs) this.abandon(timeoutError(limitMs));
    else if (this.#totalMs > totalMs) this.abandon(timeoutError(totalMs));
    else if ((this.#cancelledMs ?? 0) > CANCEL_TIMEOUT_MS) {
      this.fail(timeoutError(CANCEL_TIMEOUT_MS));
    }
  }

  #count(): void {
    this.#memory.set(this.#inbox.costBytes + this.#copiedBytes);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length && !this.#over && !this.#bodyEnded;) {
      const size = Math.min(bytes.length - start, MAX_DATA_BYTES, this.#sendWindow);
      if (size === 0) {
        await new Promise<void>((resolve) => (this.#writer = resolve));
        continue;
      }
      this.#sendWindow -= size;
      this.#sink.send(FRAME.data, this.#stream, bytes.subarray(start, start + size));
      start += size;
      await this.#sink.writable();
      this.#seeTaken();
    }
  }

  /** The body goes on its way. That is a sign of life, but none that the call has begun. */
  #seeTaken(): void {
    if (this.#started || this.#limits.startMs === null) this.#silentMs = 0;
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

function timeoutError(limitMs: number): SandboxError {
  return new SandboxError({
    code: "timeout",
    message: `The sandbox did not answer for ${limitMs} ms. Look what became of the operation before you repeat it.`,
  });
}
