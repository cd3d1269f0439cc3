import { SandboxError, abortedError, throwIfAborted } from "@carrel/backend-protocol";

export interface LaneOptions {
  /** How many may be in it at a time. */
  width: number;
  /** How many may wait for a place, and how long. */
  maxWaiting: number;
  maxWaitMs: number;
}

/** Lets so many in at a time; the others wait, first come, first served. */
export class Lane {
  readonly #maxWaiting: number;
  readonly #maxWaitMs: number;
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor({ width, maxWaiting, maxWaitMs }: LaneOptions) {
    this.#free = width;
    this.#maxWaiting = maxWaiting;
    this.#maxWaitMs = maxWaitMs;
  }

  /**
   * A place; call it to leave.
   * @throws `capacity` where too many wait already or none leaves, `aborted`
   */
  async enter(signal?: AbortSignal): Promise<() => void> {
    throwIfAborted(signal);
    if (this.#free > 0) {
      this.#free--;
      return this.#place();
    }
    if (this.#waiting.size >= this.#maxWaiting) {
      throw full(`${this.#maxWaiting} calls to this sandbox wait already`);
    }
    await this.#turn(signal);
    return this.#place();
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.add(turn.resolve);
    // A turn that came already is taken; the caller's next look at the signal gives it back.
    const giveUp = (error: SandboxError): void => {
      if (this.#waiting.delete(turn.resolve)) turn.reject(error);
    };
    const onAbort = (): void => signal && giveUp(abortedError(signal));
    const waitedMs = this.#maxWaitMs;
    const tooLong = (): void => giveUp(full(`No call to this sandbox ended in ${waitedMs} ms`));
    const timer = setTimeout(tooLong, waitedMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await turn.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #place(): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.#waiting;
      if (!next) {
        this.#free++;
        return;
      }
      this.#waiting.delete(next);
      next();
    };
  }
}

function full(why: string): SandboxError {
  return new SandboxError({
    code: "capacity",
    message: `${why}. Try again later.`,
    retryAfterMs: 1000,
  });
}
