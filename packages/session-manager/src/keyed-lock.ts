/**
 * One lock per key, first come, first served. A key takes memory only while somebody holds or
 * waits for its lock.
 */
export class KeyedLock {
  // A key is here exactly while its lock is held. The lock passes from its holder straight to the
  // first waiter, so that nobody who comes in between can overtake.
  readonly #waiters = new Map<string, Set<() => void>>();

  /** How many keys are locked now. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Whether somebody holds the lock of this key now. */
  isLocked(key: string): boolean {
    return this.#waiters.has(key);
  }

  /** How many wait for the lock of this key. */
  waiting(key: string): number {
    return this.#waiters.get(key)?.size ?? 0;
  }

  /**
   * Run `body` while nobody else runs one under this key.
   * @throws the signal's reason where it fires while waiting; once `body` runs it is not heeded
   */
  async run<T>(key: string, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    await this.#acquire(key, signal);
    try {
      return await body();
    } finally {
      this.#release(key);
    }
  }

  #acquire(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const waiters = this.#waiters.get(key);
      if (!waiters) {
        this.#waiters.set(key, new Set());
        resolve();
        return;
      }
      const giveUp = (): void => {
        waiters.delete(start);
        reject(signal.reason);
      };
      const start = (): void => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      waiters.add(start);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  #release(key: string): void {
    const waiters = this.#waiters.get(key);
    const [next] = waiters ?? [];
    if (!next) return void this.#waiters.delete(key);
    waiters?.delete(next);
    next();
  }
}
