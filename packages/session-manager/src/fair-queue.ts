export interface FairQueueLimits {
  /** Pieces of work that go on at the same time. */
  maxAtOnce: number;
  /** Pieces of work of one user that go on at the same time, also while no other user waits: the next one finds a place free. */
  maxAtOncePerUser: number;
}

/** A turn that came, or that is waited for. */
export interface Turn {
  /** Resolves when it comes. Rejects with the signal's reason if that fires before; the place is left then. */
  readonly admitted: Promise<void>;
  /** Whether it had to wait. */
  readonly queued: boolean;
  /** Gives it up or ends it. @returns whether it had come; `false` also for a second time */
  leave(): boolean;
}

type Waiter = () => void;

/** What one user has in the queue. A user takes memory only while something goes on or waits. */
interface UserLine {
  running: number;
  /** Waiters that had a turn before, and come first. */
  readonly returning: Set<Waiter>;
  // In the order of their coming: a set forgets one from its middle at once.
  readonly waiting: Set<Waiter>;
}

/**
 * Lets a bounded number of pieces of work go on at a time. Users take turns: one who is or was served goes
 * behind all others who wait, so that one user's many wait for each other and not in front of another
 * user's first. Within one user it is first come, first served.
 */
export class FairQueue {
  readonly #limits: FairQueueLimits;
  /** By share; the one whose turn last began or ended longest ago comes first. */
  readonly #users = new Map<string, UserLine>();
  #running = 0;
  #waiting = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  waitingOf(share: string): number {
    const line = this.#users.get(share);
    return line ? line.returning.size + line.waiting.size : 0;
  }

  /** Reports whether work that comes now for this share has to wait. */
  isBusyFor(share: string): boolean {
    const { maxAtOnce, maxAtOncePerUser } = this.#limits;
    const ofUser = this.#users.get(share)?.running ?? 0;
    return this.#running >= maxAtOnce || ofUser >= maxAtOncePerUser;
  }

  /**
   * Takes a place, in this step.
   * @param share whose work it is
   * @param returns it had a turn before, and comes before others of the same share
   */
  enter(share: string, signal: AbortSignal, { returns = false }: { returns?: boolean } = {}): Turn {
    if (!this.isBusyFor(share)) {
      this.#begin(share, this.#lineOf(share));
      return { admitted: Promise.resolve(), queued: false, leave: this.#endOnce(share) };
    }
    const line = this.#lineOf(share);
    return this.#wait(share, returns ? line.returning : line.waiting, signal);
  }

  #wait(share: string, queue: Set<Waiter>, signal: AbortSignal): Turn {
    const turn = Promise.withResolvers<void>();
    let end: (() => boolean) | null = null;
    const onTurn = (): void => {
      signal.removeEventListener("abort", giveUp);
      end = this.#endOnce(share);
      turn.resolve();
    };
    const forget = (): void => {
      signal.removeEventListener("abort", giveUp);
      if (!queue.delete(onTurn)) return;
      this.#waiting -= 1;
      this.#prune(share);
    };
    const giveUp = (): void => {
      forget();
      turn.reject(signal.reason);
    };
    // Nobody listens any more if the place was left before the turn came.
    turn.promise.catch(() => undefined);
    queue.add(onTurn);
    this.#waiting += 1;
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    const leave = (): boolean => {
      if (end) return end();
      forget();
      return false;
    };
    return { admitted: turn.promise, queued: true, leave };
  }

  #begin(share: string, line: UserLine): void {
    line.running += 1;
    this.#running += 1;
    this.#moveBehind(share, line);
  }

  #moveBehind(share: string, line: UserLine): void {
    this.#users.delete(share);
    this.#users.set(share, line);
  }

  #endOnce(share: string): () => boolean {
    let ended = false;
    return () => {
      if (ended) return false;
      ended = true;
      const line = this.#lineOf(share);
      line.running -= 1;
      this.#running -= 1;
      this.#moveBehind(share, line);
      this.#admit();
      this.#prune(share);
      return true;
    };
  }

  /** Passes turns straight to those who are next, so that no newcomer can overtake. */
  #admit(): void {
    for (;;) {
      const share = this.#nextShare();
      if (share === null) return;
      const line = this.#lineOf(share);
      const queue = line.returning.size > 0 ? line.returning : line.waiting;
      const [first] = queue;
      if (!first) return;
      queue.delete(first);
      this.#waiting -= 1;
      this.#begin(share, line);
      first();
    }
  }

  /** Returns whose turn it is; `null` if nobody may have one. Passes over no more users than have something going on. */
  #nextShare(): string | null {
    if (this.#running >= this.#limits.maxAtOnce) return null;
    for (const share of this.#users.keys()) {
      if (this.waitingOf(share) > 0 && !this.isBusyFor(share)) return share;
    }
    return null;
  }

  #lineOf(share: string): UserLine {
    const known = this.#users.get(share);
    if (known) return known;
    const line: UserLine = { running: 0, returning: new Set(), waiting: new Set() };
    this.#users.set(share, line);
    return line;
  }

  #prune(share: string): void {
    const line = this.#users.get(share);
    if (line && line.running === 0 && this.waitingOf(share) === 0) this.#users.delete(share);
  }
}
