interface Waiter {
  start: () => void;
}

/**
 * One lock per key, first come, first served. A key takes memory only while somebody holds or
 * waits for its lock.
 */
export class KeyedLock {
  // A key is here exactly while its lock is held. The lock passes from its holder straight to the
  // first waiter, so that nobody who comes in between can overtake.
  readonly #waiters = new Map<string, Waiter[]>();

  /** How many keys are locked now. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Whether somebody holds the lock of this key now. */
  isLocked(key: string): boolean {
    return this.#waiters.has(key);
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
        this.#waiters.set(key, []);
        resolve();
        return;
      }
      const giveUp = (): void => {
        waiters.splice(waiters.indexOf(waiter), 1);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        start: () => {
          signal.removeEventListener("abort", giveUp);
          resolve();
        },
      };
      waiters.push(waiter);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  #release(key: string): void {
    const next = this.#waiters.get(key)?.shift();
    if (next) next.start();
    else this.#waiters.delete(key);
  }
}
