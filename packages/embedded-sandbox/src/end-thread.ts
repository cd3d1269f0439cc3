import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";

const ATTEMPTS = 5;
const ATTEMPT_MS = 1000;

/** One event after the other: to remove all at once also removes those that Node itself needs. */
export function stopListening(worker: Worker): void {
  for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
  // What it may still report, such as a heap that is full, concerns nobody any more; without a
  // listener it would end the whole process.
  worker.on("error", () => undefined);
}

/**
 * Terminate a thread. One that is just about to wait for another thread, as Python's does, can miss
 * it and is told again; who waits for this never waits for ever.
 */
export async function endThread(worker: Worker): Promise<void> {
  stopListening(worker);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const timer = new AbortController();
    const pause = delay(ATTEMPT_MS, false, { ref: false, signal: timer.signal });
    const ended = await Promise.race([worker.terminate().then(() => true), pause]);
    timer.abort();
    await pause.catch(() => undefined); // it was aborted
    if (ended) return;
  }
  worker.unref();
}
