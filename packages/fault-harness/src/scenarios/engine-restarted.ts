import { PrivateEngine, whyNoPrivateEngine } from "../engine/private-engine.ts";
import type { WorkerProcess } from "../worker/worker-process.ts";
import type { Scenario, ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { TestBed } from "./test-bed.ts";
import { Traffic, readAll } from "./traffic.ts";
import { untilWell } from "./until-well.ts";

const KEYS = ["ann", "ben", "cleo"] as const;
const DEADLINE_MS = 8000;
const RECOVERED_WITHIN_MS = 30_000;
const CALLS_PER_CALLER = 8;

/** A real engine ends, by a crash or an update, amid traffic, and comes back. */
export const engineRestarted: Scenario = {
  name: "engine-restarted",
  about: "an engine of its own is killed or stopped and started again, live-restore on and off",
  shortRounds: 4,
  longRounds: 40,
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioReport> {
  const missing = await whyNoPrivateEngine();
  if (missing !== null)
    throw new Error(`The scenario ${engineRestarted.name} cannot run: ${missing}.`);
  const half = { ...options, rounds: Math.ceil(options.rounds / 2), minutes: options.minutes / 2 };
  const off = await runWith(half, false);
  const on = await runWith(half, true);
  return {
    name: engineRestarted.name,
    seed: options.seed,
    rounds: off.rounds + on.rounds,
    durationMs: off.durationMs + on.durationMs,
    figures: {
      callsWithoutLiveRestore: off.figures["calls"] ?? 0,
      callsWithLiveRestore: on.figures["calls"] ?? 0,
      slowestMs: Math.max(off.figures["slowestMs"] ?? 0, on.figures["slowestMs"] ?? 0),
    },
    violations: [...off.violations, ...on.violations],
  };
}

async function runWith(options: ScenarioOptions, liveRestore: boolean): Promise<ScenarioReport> {
  const { image, enginePath } = options;
  await using engine = await PrivateEngine.start({ liveRestore, image, imageFrom: enginePath });
  await using bed = await TestBed.make({ ...options, enginePath: engine.socketPath });
  const traffic = new Traffic(bed.random);
  const worker = bed.spawnWorker();
  await worker.ready;
  let rounds = 0;
  let slowestMs = 0;
  for (; bed.mayGoOn(rounds); rounds++) {
    const signal = rounds % 2 === 0 ? "SIGKILL" : "SIGTERM";
    for (const key of KEYS) await bed.demand(worker, { name: "open" }, { key });
    await Promise.all([askAll(bed, worker, traffic), restart(engine, signal)]);
    const tookMs = await untilWell(bed, worker, { keys: KEYS, withinMs: RECOVERED_WITHIN_MS });
    slowestMs = Math.max(slowestMs, tookMs);
    for (const key of KEYS) await readAll(bed, worker, key);
    await bed.observe();
    bed.progress(
      `round ${rounds + 1}: ${signal}, live-restore ${liveRestore}: well again after ${tookMs} ms`,
    );
  }
  return bed.report(engineRestarted.name, {
    rounds,
    figures: { slowestMs },
    allowed: {
      every: ["unavailable", "timeout", "aborted", "capacity"],
      look: ["not-found", "gone"],
    },
  });
}

async function restart(engine: PrivateEngine, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  await engine.stopDaemon(signal);
  await engine.startDaemon();
}

async function askAll(bed: TestBed, worker: WorkerProcess, traffic: Traffic): Promise<void> {
  const callers = KEYS.map(async (key) => {
    for (let call = 0; call < CALLS_PER_CALLER; call++) {
      await bed.ask(worker, traffic.next(), { key, deadlineMs: DEADLINE_MS });
    }
  });
  await Promise.all(callers);
}
