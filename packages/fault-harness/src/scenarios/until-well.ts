import type { WorkerProcess } from "../worker/worker-process.ts";
import { eventually } from "./test-bed.ts";
import type { TestBed } from "./test-bed.ts";

const DEADLINE_MS = 5000;

/**
 * After a trouble: calls that were under way may fail yet, soon none does.
 * @returns how long until the sandboxes of all users worked at once
 */
export async function untilWell(
  bed: TestBed,
  worker: WorkerProcess,
  { keys, withinMs }: { keys: readonly string[]; withinMs: number },
): Promise<number> {
  const tookMs = await eventually(async () => {
    const results = await Promise.all(
      keys.map((key) => bed.ask(worker, { name: "identify" }, { key, deadlineMs: DEADLINE_MS })),
    );
    return results.every(({ kind }) => kind === "ok");
  }, withinMs);
  if (tookMs !== null) return Math.round(tookMs);
  bed.violate("deadline-kept", "-", `Not well ${withinMs} ms after the trouble ended`);
  return withinMs;
}
