import { SandboxError } from "@carrel/backend-protocol";

export interface AdmissionLimits {
  /** Starts that go on at the same time. */
  maxConcurrentStarts: number;
  /** Starts that may wait for their turn; one more is `capacity`. */
  maxQueuedStarts: number;
}

/** A place among those who start a sandbox. Leave it when the start is over, however it ended. */
export interface Admission extends Disposable {
  /** Resolves at its turn. Rejects with the signal's reason where that fires before; the place is left then. */
  readonly admitted: Promise<void>;
  /** Whether it had to wait. */
  readonly queued: boolean;
}

/** Until a start was measured. */
const FIRST_GUESS_MS = 500;
/** How much the latest start counts in what starts are expected to take. */
const LATEST_WEIGHT = 0.2;
const MIN_RETRY_MS = 250;

/** Lets a bounded number of starts go on at a time, first come, first served. */
export class AdmissionQueue {
  readonly #limits: AdmissionLimits;
  // In the order of their coming: a set forgets one from its middle at once.
  readonly #waiting = new Set<() => void>();
  #running = 0;
  #typicalMs = FIRST_GUESS_MS;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** How long it takes, by what starts took lately, until one who comes now had its turn. */
  get expectedWaitMs(): number {
    const rounds = Math.ceil((this.#waiting.size + 1) / this.#limits.maxConcurrentStarts);
    return Math.max(MIN_RETRY_MS, Math.round(rounds * this.#typicalMs));
  }

  /** Take a place, in this step. @throws `capacity` where too many wait */
  enter(signal: AbortSignal): Admission {
    if (this.#running < this.#limits.maxConcurrentStarts) {
      this.#running += 1;
      return this.#admission(Promise.resolve(), false, () => true);
    }
    if (this.#waiting.size >= this.#limits.maxQueuedStarts) throw this.#full();
    const turn = Promise.withResolvers<void>();
    let admitted = false;
    const onTurn = (): void => {
      admitted = true;
      signal.removeEventListener("abort", giveUp);
      turn.resolve();
    };
    const giveUp = (): void => {
      this.#waiting.delete(onTurn);
      turn.reject(signal.reason);
    };
    // Whoever left before the turn came does not listen any more.
    turn.promise.catch(() => undefined);
    this.#waiting.add(onTurn);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    return this.#admission(turn.promise, true, () => {
      signal.removeEventListener("abort", giveUp);
      this.#waiting.delete(onTurn);
      return admitted;
    });
  }

  #admission(admitted: Promise<void>, queued: boolean, leave: () => boolean): Admission {
    let since: number | null = null;
    void admitted.then(
      () => (since = performance.now()),
      () => undefined,
    );
    let left = false;
    return {
      admitted,
      queued,
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        if (!leave()) return;
        if (since !== null) this.#measure(performance.now() - since);
        this.#next();
      },
    };
  }

  /** The turn passes straight to the first who waits, so that nobody who comes can overtake. */
  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(first);
    first();
  }

  #measure(durationMs: number): void {
    this.#typicalMs += LATEST_WEIGHT * (durationMs - this.#typicalMs);
  }

  #full(): SandboxError {
    const { maxQueuedStarts } = this.#limits;
    return new SandboxError({
      code: "capacity",
      message: `${maxQueuedStarts} starts of sandboxes wait already. Try again later.`,
      retryAfterMs: this.expectedWaitMs,
    });
  }
}
