import type { Scenario, ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { TestBed } from "./test-bed.ts";
import type { WorkerProcess } from "../worker/worker-process.ts";

const CALLERS = 50;

/** Many callers of one user at once, half at each of two servers: cold, and again from its sleep. */
export const exactlyOne: Scenario = {
  name: "exactly-one",
  about: `${CALLERS} callers at 2 servers open one user's sandbox at once`,
  shortRounds: 2,
  longRounds: 200,
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioReport> {
  await using bed = await TestBed.make(options);
  const workers = [bed.spawnWorker(), bed.spawnWorker()] as const;
  await Promise.all(workers.map(({ ready }) => ready));
  let rounds = 0;
  let slowestMs = 0;
  for (; bed.mayGoOn(rounds); rounds++) {
    // Each user's second round begins with a sandbox that sleeps.
    const key = `user ${rounds >> 1}`;
    const begunAtMs = performance.now();
    await openAll(bed, workers, key);
    slowestMs = Math.max(slowestMs, performance.now() - begunAtMs);
    await bed.observe();
    await countContainers(bed, key);
    await goToSleep(bed, workers, key, rounds % 2 === 1);
    bed.progress(`round ${rounds + 1}: ${Math.round(performance.now() - begunAtMs)} ms`);
  }
  const created = bed.proxy.statistics.calls.get("create") ?? 0;
  return bed.report(exactlyOne.name, {
    rounds,
    figures: { slowestMs: Math.round(slowestMs), createCalls: created },
    allowed: {},
  });
}

async function openAll(
  bed: TestBed,
  workers: readonly [WorkerProcess, WorkerProcess],
  key: string,
): Promise<void> {
  const callers = Array.from({ length: CALLERS }, async (_, index) => {
    const worker = workers[index % 2 === 0 ? 0 : 1];
    const caller = `caller ${index} at server ${index % 2}`;
    await bed.demand(worker, { name: "open" }, { key, caller });
    await bed.demand(worker, { name: "identify" }, { key, caller });
  });
  await Promise.all(callers);
}

async function countContainers(bed: TestBed, key: string): Promise<void> {
  const found = await bed.view.containersOf(key);
  if (found.length === 1 && found[0]?.state === "running") return;
  const states = found.map(({ name, state }) => `${name} ${state}`).join(", ") || "none";
  bed.violate("one-sandbox-per-key", key, `There must be one container that runs, but: ${states}`);
}

async function goToSleep(
  bed: TestBed,
  workers: readonly WorkerProcess[],
  key: string,
  forGood: boolean,
): Promise<void> {
  // Both servers have it in use: it sleeps once both found it idle.
  for (const worker of workers) {
    await bed.demand(worker, { name: forGood ? "end" : "sleep" }, { key });
  }
}
