import { SandboxError } from "@carrel/backend-protocol";
import { Tally } from "./tally.ts";

export interface AdmissionLimits {
  /** Starts that go on at the same time. */
  maxConcurrentStarts: number;
  /** Starts that may wait for their turn; one more is `capacity`. */
  maxQueuedStarts: number;
  /** Starts of one user that may go on or wait; one more is `capacity`. */
  maxStartsPerUser: number;
}

/** A place among those who start a sandbox. Leave it when the start is over, however it ended. */
export interface Admission extends Disposable {
  /** Resolves at its turn. Rejects with the signal's reason where that fires before; the place is left then. */
  readonly admitted: Promise<void>;
  /** Whether it had to wait. */
  readonly queued: boolean;
  /**
   * Let the next go on meanwhile: what comes now is no start, and may take long.
   * @throws `capacity` where as many stepped aside as may wait
   */
  stepAside(): void;
  /** Have a place again, before all who wait for their first. Rejects with the signal's reason where that fires before. */
  comeBack(): Promise<void>;
}

/** A turn that came, or that is waited for. */
interface Turn {
  readonly admitted: Promise<void>;
  readonly queued: boolean;
  /** @returns whether it had come, so that it is to be passed on */
  leave(): boolean;
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
  /** Those who had a place and stepped aside: they came before all who wait. */
  readonly #returning = new Set<() => void>();
  /** How many of each user go on, wait or stepped aside. */
  readonly #ofUser = new Tally();
  #aside = 0;
  #running = 0;
  #typicalMs = FIRST_GUESS_MS;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  /** Also those who stepped aside. */
  get waiting(): number {
    return this.#waiting.size + this.#returning.size + this.#aside;
  }

  /** How long it takes, by what starts took lately, until one who comes now had its turn. */
  get expectedWaitMs(): number {
    const rounds = Math.ceil((this.waiting + 1) / this.#limits.maxConcurrentStarts);
    return Math.max(MIN_RETRY_MS, Math.round(rounds * this.#typicalMs));
  }

  /**
   * Take a place, in this step.
   * @param userId for whom; `null`: for nobody in particular
   * @throws `capacity` where too many wait, or too many of this user
   */
  enter(signal: AbortSignal, userId: string | null): Admission {
    const { maxConcurrentStarts, maxQueuedStarts, maxStartsPerUser } = this.#limits;
    if (userId !== null && this.#ofUser.of(userId) >= maxStartsPerUser) {
      throw this.#full(`${this.#ofUser.of(userId)} starts of this user`);
    }
    // Those who stepped aside keep nobody from waiting.
    const queued = this.#waiting.size + this.#returning.size;
    if (this.#running >= maxConcurrentStarts && queued >= maxQueuedStarts) throw this.#full();
    return this.#admission(this.#turn(this.#waiting, signal), signal, userId);
  }

  #turn(queue: Set<() => void>, signal: AbortSignal): Turn {
    if (this.#running < this.#limits.maxConcurrentStarts) {
      this.#running += 1;
      return { admitted: Promise.resolve(), queued: false, leave: () => true };
    }
    const turn = Promise.withResolvers<void>();
    let admitted = false;
    const onTurn = (): void => {
      admitted = true;
      signal.removeEventListener("abort", giveUp);
      turn.resolve();
    };
    const giveUp = (): void => {
      queue.delete(onTurn);
      turn.reject(signal.reason);
    };
    // Whoever left before the turn came does not listen any more.
    turn.promise.catch(() => undefined);
    queue.add(onTurn);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    const leave = (): boolean => {
      signal.removeEventListener("abort", giveUp);
      queue.delete(onTurn);
      return admitted;
    };
    return { admitted: turn.promise, queued: true, leave };
  }

  #admission(first: Turn, signal: AbortSignal, userId: string | null): Admission {
    let turn: Turn | null = first;
    let left = false;
    const forget = userId === null ? null : this.#ofUser.add(userId);
    let since: number | null = null;
    const begin = (): void => void (since = performance.now());
    void first.admitted.then(begin, () => undefined);
    const leave = (): void => {
      if (turn?.leave()) this.#next();
      turn = null;
    };
    return {
      admitted: first.admitted,
      queued: first.queued,
      stepAside: () => {
        if (!turn || left) return;
        if (this.#aside >= this.#limits.maxQueuedStarts) throw this.#full();
        leave();
        this.#aside += 1;
      },
      comeBack: async () => {
        if (turn || left) return;
        this.#aside -= 1;
        turn = this.#turn(this.#returning, signal);
        await turn.admitted;
        begin();
      },
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        forget?.();
        if (!turn) this.#aside -= 1;
        else if (turn.leave()) {
          if (since !== null) this.#measure(performance.now() - since);
          this.#next();
        }
      },
    };
  }

  /** The turn passes straight to the first who waits, so that nobody who comes can overtake. */
  #next(): void {
    const queue = this.#returning.size > 0 ? this.#returning : this.#waiting;
    const [first] = queue;
    if (first === undefined) {
      this.#running -= 1;
      return;
    }
    queue.delete(first);
    first();
  }

  #measure(durationMs: number): void {
    this.#typicalMs += LATEST_WEIGHT * (durationMs - this.#typicalMs);
  }

  #full(who = `${this.#limits.maxQueuedStarts} starts of sandboxes`): SandboxError {
    return new SandboxError({
      code: "capacity",
      message: `${who} wait already. Try again later.`,
      retryAfterMs: this.expectedWaitMs,
    });
  }
}
