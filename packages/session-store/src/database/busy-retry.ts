import { setTimeout as sleep } from "node:timers/promises";
import { isBusy } from "./sqlite-errors.ts";

const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 20;

/**
 * Try a piece of work again while another connection has the file. SQLite's own busy timeout would
 * hold up this whole process, and with it the connection that is waited for where it is a neighbour
 * in the process. What is busy did nothing, so that a second try repeats nothing.
 */
export async function retryWhileBusy<Result>(
  work: () => Result,
  timeoutMs: number,
): Promise<Result> {
  const deadline = performance.now() + timeoutMs;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
    // In part by chance, so that several who wait do not always meet.
    await sleep(waitMs * (0.5 + Math.random() / 2));
  }
}
