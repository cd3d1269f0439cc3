import type { IncomingMessage } from "node:http";
import type { MemoryAccount } from "@carrel/backend-protocol";
import { SandboxError } from "@carrel/backend-protocol";
import { HTTPException } from "hono/http-exception";
import type { Patience } from "./patience.ts";

const FIRST_CAPACITY = 4 * 1024;

export interface ReadBodyOptions {
  maxBytes: number;
  /** What is thrown if there is more. */
  tooLarge: () => Error;
  timeoutMs: number;
  /** Counts what is held; its owner calls the function that `onEnd` is given if it must stop. */
  account: MemoryAccount;
  onEnd: (stop: (error: Error) => void) => void;
}

/**
 * Reads the body of a request into one buffer, however small its chunks are.
 * @throws a 408 if it does not arrive in time
 */
export function readBody(incoming: IncomingMessage, options: ReadBodyOptions): Promise<Buffer> {
  const { maxBytes, tooLarge, timeoutMs, account, onEnd } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let buffer = Buffer.alloc(0);
  let size = 0;
  const take = (chunk: Buffer): void => {
    const needed = size + chunk.byteLength;
    if (needed > maxBytes) {
      reject(tooLarge());
      return;
    }
    if (needed > buffer.byteLength) {
      const capacity = Math.min(maxBytes, Math.max(needed, 2 * buffer.byteLength, FIRST_CAPACITY));
      if (!account.add(capacity - buffer.byteLength)) return;
      const grown = Buffer.allocUnsafeSlow(capacity);
      buffer.copy(grown, 0, 0, size);
      buffer = grown;
    }
    chunk.copy(buffer, size);
    size = needed;
  };
  const finish = (): void => resolve(buffer.subarray(0, size));
  const leave = (): void => (incoming.complete ? finish() : reject(clientLeft()));
  const timer = setTimeout(() => reject(tooSlow()), timeoutMs);
  onEnd(reject);
  incoming.on("data", take).on("end", finish).on("error", leave).on("close", leave);
  if (incoming.readableEnded) finish();
  else if (incoming.destroyed) leave();
  return promise.finally(() => {
    clearTimeout(timer);
    incoming.off("data", take).off("end", finish).off("close", leave);
    // Its error listener stays: nobody else would hear how the rest ended. Nothing more is read.
    if (!incoming.readableEnded) incoming.pause();
  });
}

/** The body of an upload, which is read while it comes. */
export interface Upload {
  stream: ReadableStream<Uint8Array>;
  /** Why it was broken off, or `null`. What reads the stream may throw something else. */
  readonly failure: Error | null;
}

/**
 * Gives the body of an upload in pieces of what has arrived, each when it is asked for. Fails with a
 * 408 if the client is slower than {@link Patience} allows; time in which nobody asks does not count.
 */
export function openUpload(incoming: IncomingMessage, patience: Patience): Upload {
  const arrived = new Arrived(incoming);
  const pace = new Pace(patience);
  let failure: Error | null = null;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await nextChunk(arrived, pace);
          if (chunk === null) controller.close();
          else controller.enqueue(chunk);
        } catch (error) {
          failure = error instanceof Error ? error : clientLeft();
          controller.error(failure);
        }
      },
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    get failure() {
      return failure;
    },
  };
}

async function nextChunk(arrived: Arrived, pace: Pace): Promise<Buffer | null> {
  for (;;) {
    const chunk = arrived.take();
    if (chunk !== null) {
      pace.took(chunk.byteLength);
      return chunk;
    }
    if (arrived.hasEnded) return null;
    if (arrived.isBroken) throw clientLeft();
    await pace.wait(arrived);
  }
}

/** As much as a pipe usually holds. */
const MAX_ARRIVED_BYTES = 64 * 1024;

/**
 * What has arrived of a body and nobody has asked for yet, in one buffer: Node would keep an object for
 * each chunk, which may be one byte.
 */
class Arrived {
  readonly #incoming: IncomingMessage;
  #buffer = Buffer.alloc(0);
  #size = 0;
  #isFull = false;
  #wake = (): void => {};

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    const wake = (): void => this.#wake();
    incoming.on("data", (chunk: Buffer) => this.#add(chunk));
    // The reader of the body learns of an error by the end.
    incoming.on("end", wake).on("close", wake).on("error", wake);
  }

  get hasEnded(): boolean {
    return this.#incoming.readableEnded;
  }

  get isBroken(): boolean {
    return this.#incoming.destroyed;
  }

  /** Takes all that has arrived; `null` if it is nothing. */
  take(): Buffer | null {
    if (this.#size === 0) return null;
    const bytes = this.#buffer.subarray(0, this.#size);
    this.#buffer = Buffer.alloc(0);
    this.#size = 0;
    if (this.#isFull) this.#incoming.resume();
    this.#isFull = false;
    return bytes;
  }

  /** Calls a function when something changes, until another one is given. */
  onChange(wake: () => void): void {
    this.#wake = wake;
  }

  #add(chunk: Buffer): void {
    const needed = this.#size + chunk.byteLength;
    if (needed > this.#buffer.byteLength) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.byteLength));
      this.#buffer.copy(grown, 0, 0, this.#size);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.#size);
    this.#size = needed;
    if (needed >= MAX_ARRIVED_BYTES && !this.#isFull) {
      this.#isFull = true;
      // Not at once: the rest of what the socket has read already would be kept as objects.
      process.nextTick(() => {
        if (this.#isFull) this.#incoming.pause();
      });
    }
    this.#wake();
  }
}

/** Measures how much comes in the time that is spent waiting for it. */
class Pace {
  readonly #patience: Patience;
  #bytes = 0;
  #waitedMs = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  took(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#patience.minBytes) return;
    this.#bytes = 0;
    this.#waitedMs = 0;
  }

  /** Resolves when something has arrived, or nothing will any more. */
  async wait(arrived: Arrived): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const startedAt = performance.now();
    const timer = setTimeout(
      () => reject(tooSlow()),
      Math.max(0, this.#patience.stallMs - this.#waitedMs),
    );
    arrived.onChange(resolve);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waitedMs += performance.now() - startedAt;
    }
  }
}

function tooSlow(): HTTPException {
  return new HTTPException(408, { message: "The body did not arrive in time." });
}

function clientLeft(): SandboxError {
  return new SandboxError({
    code: "aborted",
    message: "The client left before the whole body had arrived.",
  });
}
