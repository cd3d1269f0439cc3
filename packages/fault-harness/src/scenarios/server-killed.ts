import { join } from "node:path";
import { directoryOf } from "../engine/engine-view.ts";
import { hashTree } from "../engine/hash-tree.ts";
import type { WorkerConfiguration } from "../worker/worker-protocol.ts";
import type { WorkerProcess } from "../worker/worker-process.ts";
import { findOrphans } from "./orphans.ts";
import type { Scenario, ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { TestBed, eventually } from "./test-bed.ts";
import { Traffic, readAll } from "./traffic.ts";

const KEYS = ["ann", "ben", "cleo"] as const;
const CALLERS = 6;
const CALLS_PER_ROUND = 48;
/** Within it a kill falls nearly always: more than a round makes, now and then. */
const KILL_WITHIN_ENGINE_CALLS = 40;
const KILL_WITHIN_STORE_WRITES = 40;
/** Longer than what it aims at, to see how long it is. */
const OPEN_DEADLINE_MS = 60_000;
const HEALTHY_WITHIN_MS = 10_000;
const NO_ORPHANS_WITHIN_MS = 60_000;
const PLANTED_FILES = 20;
const WARM = 1;

/** A server is killed at a point of the seed's choice amid traffic, and another takes over. */
export const serverKilled: Scenario = {
  name: "server-killed",
  about: "a server is killed at an engine call or a write to the store, and restarted",
  shortRounds: 2,
  longRounds: 200,
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioReport> {
  await using bed = await TestBed.make(options);
  const traffic = new Traffic(bed.random);
  await plant(bed);
  const planted = await hashPlanted(bed);
  const readyAfterMs: number[] = [];
  const healthyAfterMs: number[] = [];
  const cleanAfterMs: number[] = [];
  let rounds = 0;
  for (; bed.mayGoOn(rounds); rounds++) {
    await untilKilled(bed, traffic);
    const next = await restart(bed, { readyAfterMs, healthyAfterMs });
    await bed.observe();
    for (const key of KEYS) await readAll(bed, next, key);
    await expectNoOrphans(bed, cleanAfterMs);
    await next[Symbol.asyncDispose]();
    await compare(bed, planted);
    const [healthy = 0, clean = 0] = [healthyAfterMs.at(-1), cleanAfterMs.at(-1)];
    bed.progress(`round ${rounds + 1}: healthy after ${healthy} ms, clean after ${clean} ms`);
  }
  return bed.report(serverKilled.name, {
    rounds,
    figures: {
      readyAfterMsMax: Math.max(0, ...readyAfterMs),
      healthyAfterMsMax: Math.max(0, ...healthyAfterMs),
      cleanAfterMsMax: Math.max(0, ...cleanAfterMs),
    },
    allowed: { every: ["unavailable", "aborted"], look: ["not-found", "gone"] },
  });
}

async function plant(bed: TestBed): Promise<void> {
  await using worker = bed.spawnWorker();
  await worker.ready;
  for (const key of KEYS) {
    bed.know(key);
    for (let file = 0; file < PLANTED_FILES; file++) {
      const text = `${key} ${file} `.repeat(1 + bed.random.below(2000));
      const asked = { key, deadlineMs: 30_000 };
      await worker.call({ name: "write", path: `planted/${file}`, text }, asked);
    }
  }
}

/** Traffic at a worker until it is killed: at the latest, when all was asked. */
async function untilKilled(bed: TestBed, traffic: Traffic): Promise<void> {
  const atStore = bed.random.chance(0.3);
  const when = bed.random.pick(["before", "after"] as const);
  const settings: Partial<WorkerConfiguration> = {
    warm: WARM,
    // Kills fall amid falling asleep as well.
    cleanupIntervalMs: 300,
    alone: true,
    manager: { pauseAfterMs: 300 },
    ...(atStore && {
      killAtStoreWrite: { nth: 1 + bed.random.below(KILL_WITHIN_STORE_WRITES), when },
    }),
  };
  const worker = bed.spawnWorker(settings);
  using _ = atStore ? undefined : killAtEngineCall(bed, worker, when);
  // It may be killed before it is.
  await worker.ready.catch(() => undefined);
  await Promise.all(
    Array.from({ length: CALLERS }, async (__, index) => {
      for (let call = 0; call < CALLS_PER_ROUND / CALLERS; call++) {
        const asked = { key: bed.random.pick(KEYS), caller: `caller ${index}` };
        const { kind } = await bed.ask(worker, traffic.next(), asked);
        if (kind === "unknown") return;
      }
    }),
  );
  await worker.kill();
}

function killAtEngineCall(
  bed: TestBed,
  worker: WorkerProcess,
  when: "before" | "after",
): Disposable {
  return bed.proxy.inject({
    nth: 1 + bed.random.below(KILL_WITHIN_ENGINE_CALLS),
    fault: {
      kind: "interrupt",
      flow: when === "before" ? "request" : "answer",
      run: () => worker.kill(),
    },
  });
}

async function restart(
  bed: TestBed,
  { readyAfterMs, healthyAfterMs }: { readyAfterMs: number[]; healthyAfterMs: number[] },
): Promise<WorkerProcess> {
  const begunAtMs = performance.now();
  const worker = bed.spawnWorker({ warm: WARM, alone: true });
  const told = (): void => void readyAfterMs.push(Math.round(performance.now() - begunAtMs));
  void worker.ready.then(told, told);
  // Healthy is who serves all users, those too whose sandbox was amid something.
  await Promise.all(
    KEYS.map((key) => bed.demand(worker, { name: "open" }, { key, deadlineMs: OPEN_DEADLINE_MS })),
  );
  const tookMs = Math.round(performance.now() - begunAtMs);
  healthyAfterMs.push(tookMs);
  if (tookMs > HEALTHY_WITHIN_MS * bed.patience) {
    bed.violate("deadline-kept", "-", `The server was healthy only after ${tookMs} ms`);
  }
  await worker.recovered.catch(() => {
    bed.violate("allowed-errors", "-", `The server did not recover: ${worker.log}`);
  });
  return worker;
}

async function expectNoOrphans(bed: TestBed, cleanAfterMs: number[]): Promise<void> {
  let orphans: string[] = [];
  const tookMs = await eventually(async () => {
    orphans = await findOrphans(bed, WARM);
    return orphans.length === 0;
  }, NO_ORPHANS_WITHIN_MS);
  if (tookMs !== null) cleanAfterMs.push(Math.round(tookMs));
  else bed.violate("nothing-orphaned", "-", `Left behind: ${orphans.join(", ")}`);
}

async function hashPlanted(bed: TestBed): Promise<Map<string, string>> {
  const hashes = KEYS.map(async (key): Promise<[string, string]> => {
    const directory = join(
      bed.workspaceRoot,
      directoryOf(bed.workspaceRoot, key),
      "workspace/planted",
    );
    return [key, await hashTree(directory)];
  });
  return new Map(await Promise.all(hashes));
}

async function compare(bed: TestBed, planted: ReadonlyMap<string, string>): Promise<void> {
  for (const [key, hash] of await hashPlanted(bed)) {
    if (planted.get(key) === hash) continue;
    bed.violate("nothing-lost", key, "Files that nobody touched are not what they were");
  }
}
