/** Longest delay of a Node.js timer; a longer one would fire at once. */
export const MAX_INTERVAL_MS: number = 2 ** 31 - 1;

export interface BackgroundLoopOptions {
  /** One pass. Should begin nothing more once the signal fired. */
  pass: (signal: AbortSignal) => Promise<unknown>;
  /** Told of a pass that failed; the loop goes on. */
  onFailure: (error: unknown) => void;
}

/** Runs a pass again and again, a pause after each, never two at a time. */
export class BackgroundLoop {
  readonly #options: BackgroundLoopOptions;
  #running: { controller: AbortController; timer: NodeJS.Timeout } | null = null;
  #pass: Promise<void> = Promise.resolve();

  constructor(options: BackgroundLoopOptions) {
    this.#options = options;
  }

  /** Does nothing where it runs already. The first pass comes after the first pause. */
  start(intervalMs: number): void {
    if (this.#running) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      this.#pass = this.#runPass(controller.signal).then(() => {
        if (!controller.signal.aborted) timer.refresh();
      });
    }, intervalMs);
    // The loop serves whoever else keeps the process alive; by itself it is no reason to.
    timer.unref();
    this.#running = { controller, timer };
  }

  /** Resolves when no pass is under way any more. */
  async stop(): Promise<void> {
    clearTimeout(this.#running?.timer);
    this.#running?.controller.abort();
    this.#running = null;
    await this.#pass;
  }

  async #runPass(signal: AbortSignal): Promise<void> {
    try {
      await this.#options.pass(signal);
    } catch (error) {
      this.#options.onFailure(error);
    }
  }
}
