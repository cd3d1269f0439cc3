import type { WorkerFigures } from "../worker/perform.ts";
import type { WorkerProcess } from "../worker/worker-process.ts";
import type { Scenario, ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { TestBed, eventually } from "./test-bed.ts";

const CYCLES_AT_ONCE = 4;
/** After these, what is made once has been made. */
const WARM_UP_ROUNDS = 2;
const SETTLED_WITHIN_MS = 20_000;
const MAX_HEAP_GROWTH_BYTES = 16 * 1024 * 1024;
/** To the engine: so many stay open for the next calls. */
const KEPT_CONNECTIONS = 8;

interface Held extends WorkerFigures {
  containers: number;
  volumes: number;
  networks: number;
  connections: number;
}

/** Sandboxes are made, used once and destroyed. What that takes is all given back. */
export const cycles: Scenario = {
  name: "cycles",
  about: "sandboxes are made, run one command and are destroyed, and nothing is left of them",
  shortRounds: 2,
  longRounds: 1250,
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioReport> {
  await using bed = await TestBed.make(options);
  const worker = bed.spawnWorker();
  await worker.ready;
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await cycle(bed, worker);
  const before = await held(bed, worker);
  let rounds = 0;
  const firstMs = await cycle(bed, worker);
  let lastMs = firstMs;
  for (rounds = 1; bed.mayGoOn(rounds); rounds++) {
    lastMs = await cycle(bed, worker);
    bed.progress(`round ${rounds + 1}: ${Math.round(lastMs)} ms`);
  }
  let after = before;
  const settled = await eventually(async () => {
    after = await held(bed, worker);
    return grown(before, after).length === 0;
  }, SETTLED_WITHIN_MS);
  if (settled === null) {
    const message = `Not given back: ${grown(before, after).join(", ")}`;
    bed.violate("nothing-orphaned", "-", message);
  }
  const figures = {
    cycles: rounds * CYCLES_AT_ONCE,
    firstMs: Math.round(firstMs),
    lastMs: Math.round(lastMs),
  };
  return bed.report(cycles.name, { rounds, figures: { ...figures, ...after }, allowed: {} });
}

async function cycle(bed: TestBed, worker: WorkerProcess): Promise<number> {
  const begunAtMs = performance.now();
  const one = (): Promise<unknown> => bed.demand(worker, { name: "cycle" }, { key: "-" });
  await Promise.all(Array.from({ length: CYCLES_AT_ONCE }, one));
  return performance.now() - begunAtMs;
}

async function held(bed: TestBed, worker: WorkerProcess): Promise<Held> {
  const { docker } = bed.view;
  const [figures, containers, volumes, networks] = await Promise.all([
    worker.figures(),
    bed.view.containers(),
    docker.listVolumes({ filters: { label: ["carrel.install"] } }),
    docker.listNetworks({ filters: { label: ["carrel.install"] } }),
  ]);
  return {
    ...figures,
    containers: containers.length,
    volumes: volumes.Volumes?.length ?? 0,
    networks: networks.length,
    connections: bed.proxy.statistics.connectionCount,
  };
}

/** What is more than it was, and than what is kept to be used again. */
function grown(before: Held, after: Held): string[] {
  const names = Object.keys(before) as (keyof Held)[];
  const kept = Math.max(0, KEPT_CONNECTIONS - before.connections);
  const slacks: Partial<Record<keyof Held, number>> = {
    heapBytes: MAX_HEAP_GROWTH_BYTES,
    connections: kept,
    fileDescriptors: kept,
  };
  return names
    .filter((name) => after[name] > before[name] + (slacks[name] ?? 0))
    .map((name) => `${name} was ${before[name]} and is ${after[name]}`);
}
