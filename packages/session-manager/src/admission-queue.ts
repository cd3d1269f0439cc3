import { SandboxError } from "@carrel/backend-protocol";
import { FairQueue } from "./fair-queue.ts";
import type { Turn } from "./fair-queue.ts";
import { limitMessage } from "./capacity-error.ts";
import { NO_USER, shareOf } from "./session-store.ts";
import { Tally } from "./tally.ts";

/** Callers without a user id count as one user. */
export interface AdmissionLimits {
  /** Starts that go on at the same time. */
  maxConcurrentStarts: number;
  /** Starts of one user that go on at the same time. */
  maxConcurrentStartsPerUser: number;
  /** Starts that may wait for their turn; one more is `capacity`. */
  maxQueuedStarts: number;
  /** Starts of one user that may go on or wait; one more is `capacity`. */
  maxStartsPerUser: number;
}

/** A place among those who start a sandbox. Leave it when the start is over, however it ended. */
export interface Admission extends Disposable {
  /** Resolves at its turn. Rejects with the signal's reason if that fires before; the place is left then. */
  readonly admitted: Promise<void>;
  /** Whether it had to wait. */
  readonly queued: boolean;
  /**
   * Let the next go on meanwhile: what comes now is no start, and may take long.
   * @throws `capacity` if as many stepped aside as may wait
   */
  stepAside(): void;
  /**
   * Have a place again, before other starts of the same user that never had one. Rejects with the signal's
   * reason if that fires before.
   */
  comeBack(): Promise<void>;
}

/** Until a start was measured. */
const FIRST_GUESS_MS = 500;
/** How much the latest start counts in what starts are expected to take. */
const LATEST_WEIGHT = 0.2;
const MIN_RETRY_MS = 250;

/** Lets a bounded number of starts go on at a time, users in turn. */
export class AdmissionQueue {
  readonly #limits: AdmissionLimits;
  readonly #turns: FairQueue;
  /** How many of each user go on, wait or stepped aside. */
  readonly #ofUser = new Tally();
  #aside = 0;
  #typicalMs = FIRST_GUESS_MS;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
    this.#turns = new FairQueue({
      maxAtOnce: limits.maxConcurrentStarts,
      maxAtOncePerUser: limits.maxConcurrentStartsPerUser,
    });
  }

  get running(): number {
    return this.#turns.running;
  }

  /** Also those who stepped aside. */
  get waiting(): number {
    return this.#turns.waiting + this.#aside;
  }

  /** How long it takes, by what starts took lately, until one who comes now had its turn. */
  get expectedWaitMs(): number {
    return this.#waitMs(this.waiting, this.#limits.maxConcurrentStarts);
  }

  /**
   * Take a place, in this step.
   * @param userId for whom; `null`: a caller without a user id
   * @throws `capacity` if too many wait, or too many of this user
   */
  enter(signal: AbortSignal, userId: string | null): Admission {
    const { maxQueuedStarts, maxStartsPerUser } = this.#limits;
    const share = shareOf(userId);
    if (this.#ofUser.of(share) >= maxStartsPerUser) throw this.#fullOf(share);
    // Those who stepped aside keep nobody from waiting.
    if (this.#turns.isBusyFor(share) && this.#turns.waiting >= maxQueuedStarts) throw this.#full();
    return this.#admission(this.#turns.enter(share, signal), signal, share);
  }

  #admission(first: Turn, signal: AbortSignal, share: string): Admission {
    let turn: Turn | null = first;
    let left = false;
    const forget = this.#ofUser.add(share);
    let since: number | null = null;
    const begin = (): void => void (since = performance.now());
    void first.admitted.then(begin, () => undefined);
    return {
      admitted: first.admitted,
      queued: first.queued,
      stepAside: () => {
        if (!turn || left) return;
        if (this.#aside >= this.#limits.maxQueuedStarts) throw this.#full();
        turn.leave();
        turn = null;
        this.#aside += 1;
      },
      comeBack: async () => {
        if (turn || left) return;
        this.#aside -= 1;
        turn = this.#turns.enter(share, signal, { returns: true });
        await turn.admitted;
        begin();
      },
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        forget();
        if (!turn) this.#aside -= 1;
        else if (turn.leave() && since !== null) this.#measure(performance.now() - since);
      },
    };
  }

  #measure(durationMs: number): void {
    this.#typicalMs += LATEST_WEIGHT * (durationMs - this.#typicalMs);
  }

  #waitMs(waiting: number, atOnce: number): number {
    const rounds = Math.ceil((waiting + 1) / atOnce);
    return Math.max(MIN_RETRY_MS, Math.round(rounds * this.#typicalMs));
  }

  #full(): SandboxError {
    const setting = "maxQueuedStarts";
    const sentence = `As many sandboxes wait to start as may wait (${this.#limits.maxQueuedStarts}). Try again later`;
    return new SandboxError({
      code: "capacity",
      message: limitMessage(sentence, setting),
      setting,
      retryAfterMs: this.expectedWaitMs,
    });
  }

  #fullOf(share: string): SandboxError {
    const { maxStartsPerUser, maxConcurrentStartsPerUser } = this.#limits;
    const [subject, advice] =
      share === NO_USER
        ? [
            "Callers without a user id, who count as one user, have",
            "Try again later, or pass a user id",
          ]
        : ["This user has", "Try again later"];
    const setting = "maxStartsPerUser";
    const sentence = `${subject} as many sandboxes that start or wait to start as one user may have (${maxStartsPerUser}). ${advice}`;
    return new SandboxError({
      code: "capacity",
      message: limitMessage(sentence, setting),
      setting,
      retryAfterMs: this.#waitMs(this.#turns.waitingOf(share), maxConcurrentStartsPerUser),
    });
  }
}
