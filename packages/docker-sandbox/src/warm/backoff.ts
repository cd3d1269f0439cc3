const FIRST_MS = 500;
const MAX_MS = 60_000;

/** Waits longer after each failure, and not at all after a success. */
export class Backoff {
  #failures = 0;
  #wake = new AbortController();

  get failures(): number {
    return this.#failures;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Resolves after the pause, or when something else succeeded, or when the signal fires. */
  async pause(signal: AbortSignal): Promise<void> {
    const longestMs = Math.min(MAX_MS, FIRST_MS * 2 ** this.#failures++);
    // Not all at once, where many wait for one engine.
    const pauseMs = longestMs * (0.5 + Math.random() / 2);
    const stop = AbortSignal.any([signal, this.#wake.signal]);
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(over.resolve, pauseMs).unref();
    stop.addEventListener("abort", () => over.resolve(), { once: true });
    if (!stop.aborted) await over.promise;
    clearTimeout(timer);
  }
}
