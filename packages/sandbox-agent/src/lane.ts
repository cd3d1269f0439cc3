import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";

export interface LaneOptions {
  /** How many may be in it at a time. */
  width: number;
  /** How many may wait for a place. */
  maxWaiting: number;
}

/** Lets so many in at a time; the others wait, first come, first served. */
export class Lane {
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor({ width, maxWaiting }: LaneOptions) {
    this.#free = width;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * A place; call it to leave.
   * @throws `capacity` where too many wait already, `aborted`
   */
  async enter(signal?: AbortSignal): Promise<() => void> {
    throwIfAborted(signal);
    if (this.#free > 0) {
      this.#free--;
      return this.#place();
    }
    if (this.#waiting.size >= this.#maxWaiting) {
      throw new SandboxError({
        code: "capacity",
        message: `${this.#maxWaiting} calls to this sandbox wait already. Try again later.`,
        retryAfterMs: 1000,
      });
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.add(turn.resolve);
    const onAbort = (): void => {
      // A turn that came already is taken; the caller's next look at the signal gives it back.
      if (this.#waiting.delete(turn.resolve)) turn.reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await turn.promise;
    } catch {
      throwIfAborted(signal);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    return this.#place();
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
