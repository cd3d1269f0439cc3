import type { WorkerProcess } from "../worker/worker-process.ts";
import type { Scenario, ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { TestBed, eventually } from "./test-bed.ts";
import { Traffic, readAll } from "./traffic.ts";

const KEYS = ["ann", "ben", "cleo", "dora"] as const;
const WRITES_PER_CYCLE = 3;
const PAUSE_AFTER_MS = 500;
const PAUSED_WITHIN_MS = 30_000;

/** Users write, sleep, and find again what they wrote; some come back while they are put to sleep. */
export const asleepAndAwake: Scenario = {
  name: "asleep-and-awake",
  about: "sandboxes are written to, put to sleep and woken, over and over",
  shortRounds: 3,
  longRounds: 1000,
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioReport> {
  await using bed = await TestBed.make(options);
  const traffic = new Traffic(bed.random);
  const worker = bed.spawnWorker({
    cleanupIntervalMs: PAUSE_AFTER_MS / 2,
    manager: { pauseAfterMs: PAUSE_AFTER_MS },
  });
  await worker.ready;
  let rounds = 0;
  let slowestWakeMs = 0;
  for (; bed.mayGoOn(rounds); rounds++) {
    await Promise.all(KEYS.map((key) => writeSome(bed, worker, traffic, key)));
    const early = bed.random.chance(0.3) ? bed.random.pick(KEYS) : null;
    const deep = bed.random.chance(0.7);
    await Promise.all([
      deep ? bed.demand(worker, { name: "sleep" }, { key: KEYS[0] }) : untilPaused(bed),
      ...(early === null ? [] : [bed.demand(worker, traffic.write(), { key: early })]),
    ]);
    await bed.observe();
    const begunAtMs = performance.now();
    await Promise.all(KEYS.map((key) => readAll(bed, worker, key)));
    const tookMs = Math.round(performance.now() - begunAtMs);
    slowestWakeMs = Math.max(slowestWakeMs, tookMs);
    bed.progress(`round ${rounds + 1}: all awake and read after ${tookMs} ms`);
  }
  const { calls } = bed.proxy.statistics;
  const figures = {
    slowestWakeMs,
    engineStarts: calls.get("start") ?? 0,
    engineUnpauses: calls.get("unpause") ?? 0,
  };
  return bed.report(asleepAndAwake.name, { rounds, figures, allowed: {} });
}

/** Clean-up freezes what was not used for {@link PAUSE_AFTER_MS}. */
async function untilPaused(bed: TestBed): Promise<void> {
  const isAsleep = async (): Promise<boolean> =>
    (await bed.view.containers()).every(({ state }) => state !== "running");
  if ((await eventually(isAsleep, PAUSED_WITHIN_MS)) !== null) return;
  bed.violate("deadline-kept", "-", `Idle sandboxes were not paused in ${PAUSED_WITHIN_MS} ms`);
}

async function writeSome(
  bed: TestBed,
  worker: WorkerProcess,
  traffic: Traffic,
  key: string,
): Promise<void> {
  for (let write = 0; write < WRITES_PER_CYCLE; write++) {
    await bed.demand(worker, traffic.write(), { key });
  }
  await bed.demand(worker, traffic.append(), { key });
}
