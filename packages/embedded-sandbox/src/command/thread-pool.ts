import type { Worker } from "node:worker_threads";
import { startThread } from "../worker-thread.ts";

/** How long a thread waits for the next command of its sandbox before it ends. */
const IDLE_MS = 10_000;
const MAX_IDLE_THREADS = 2;

/**
 * The threads of one sandbox. Loading the interpreter takes most of the time of a short command, so
 * a thread whose command ended by itself is kept for the sandbox's next one; never for another's.
 */
export class ThreadPool {
  readonly #memoryBytes: number;
  readonly #idle = new Map<Worker, NodeJS.Timeout>();

  constructor(memoryBytes: number) {
    this.#memoryBytes = memoryBytes;
  }

  take(): Worker {
    const [kept] = this.#idle.keys();
    if (!kept) {
      const memoryBytes = this.#memoryBytes;
      return startThread("command/command-worker", { name: "carrel-command", memoryBytes });
    }
    this.#forget(kept);
    kept.ref();
    return kept;
  }

  async giveBack(worker: Worker): Promise<void> {
    if (this.#idle.size >= MAX_IDLE_THREADS) return void (await worker.terminate());
    const end = (): void => {
      this.#forget(worker);
      void worker.terminate();
    };
    // It could still die of what its last command left behind.
    worker.once("error", end).once("exit", end);
    worker.unref();
    this.#idle.set(worker, setTimeout(end, IDLE_MS).unref());
  }

  async endIdle(): Promise<void> {
    const idle = [...this.#idle.keys()];
    for (const worker of idle) this.#forget(worker);
    await Promise.all(idle.map((worker) => worker.terminate()));
  }

  #forget(worker: Worker): void {
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    stopListening(worker);
  }
}

/** One event after the other: to remove all at once also removes those that Node itself needs. */
export function stopListening(worker: Worker): void {
  for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
}
