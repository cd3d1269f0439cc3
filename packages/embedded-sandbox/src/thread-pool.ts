import type { Worker } from "node:worker_threads";
import { endThread, stopListening } from "./end-thread.ts";
import { startThread } from "./worker-thread.ts";
import type { ThreadOptions } from "./worker-thread.ts";

/** How long a thread waits for the next job of its sandbox before it ends. */
const IDLE_MS = 10_000;
const MAX_IDLE_THREADS = 2;

/**
 * The threads of one sandbox for one kind of job. Loading what a thread runs takes most of the time
 * of a short job, so a thread whose job ended by itself is kept for the sandbox's next one; never
 * for another's.
 */
export class ThreadPool {
  readonly #modulePath: string;
  readonly #options: ThreadOptions;
  readonly #idle = new Map<Worker, NodeJS.Timeout>();

  constructor(modulePath: string, options: ThreadOptions) {
    this.#modulePath = modulePath;
    this.#options = options;
  }

  take(): Worker {
    const [kept] = this.#idle.keys();
    if (!kept) return startThread(this.#modulePath, this.#options);
    this.#forget(kept);
    kept.ref();
    return kept;
  }

  async giveBack(worker: Worker): Promise<void> {
    if (this.#idle.size >= MAX_IDLE_THREADS) return endThread(worker);
    const end = (): void => {
      this.#forget(worker);
      void endThread(worker);
    };
    // It could still die of what its last job left behind.
    worker.once("error", end).once("exit", end);
    worker.unref();
    this.#idle.set(worker, setTimeout(end, IDLE_MS).unref());
  }

  async endIdle(): Promise<void> {
    const idle = [...this.#idle.keys()];
    for (const worker of idle) this.#forget(worker);
    await Promise.all(idle.map(endThread));
  }

  #forget(worker: Worker): void {
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    stopListening(worker);
  }
}
