import type { AcquireTimes } from "../worker/perform.ts";
import type { WorkerProcess } from "../worker/worker-process.ts";
import type { Scenario, ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { TestBed } from "./test-bed.ts";

const USERS_PER_ROUND = 25;
const CALLERS = 4;
/** Their sandboxes are woken in each round, from among all. */
const WAKES_PER_ROUND = 5;
const AWAKE_AT_RESTART = 200;
const LIVE = "somebody who stays awake";
/** A start waits for the engine, which has all of them in its lists. */
const MAX_SLOWDOWN = 2;
const RECOVERED_WITHIN_MS = 60_000;
/** Less than what a session costs is noise. */
const NOISE_MS = 0.05;

interface Measured {
  live: AcquireTimes;
  wakeMs: number;
  openMs: number;
}

/** Users open sessions, use them once and go; nobody who stays is the slower for them. */
export const manyAsleep: Scenario = {
  name: "many-asleep",
  about: "ever more users are asleep, and nothing gets slower; then the server is killed",
  shortRounds: 1,
  longRounds: 80,
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioReport> {
  await using bed = await TestBed.make(options);
  const worker = bed.spawnWorker();
  await worker.ready;
  const asleep: string[] = [];
  await addUsers(bed, worker, asleep);
  const first = await measure(bed, worker, asleep);
  let last = first;
  let rounds = 1;
  for (; bed.mayGoOn(rounds); rounds++) {
    await addUsers(bed, worker, asleep);
    last = await measure(bed, worker, asleep);
    bed.progress(`${asleep.length} asleep: ${JSON.stringify(last)}`);
  }
  expectNoSlower(bed, first, last);
  const restarted = await restart(bed, worker, asleep);
  const figures = { asleep: asleep.length, ...flat("first", first), ...flat("last", last) };
  return bed.report(manyAsleep.name, {
    rounds,
    figures: { ...figures, ...restarted },
    allowed: { every: ["unavailable", "aborted"] },
  });
}

async function addUsers(bed: TestBed, worker: WorkerProcess, asleep: string[]): Promise<void> {
  const begun = asleep.length;
  const users = Array.from({ length: USERS_PER_ROUND }, (_, index) => `user ${begun + index}`);
  await eachOf(users, async (key) => {
    await bed.demand(worker, { name: "write", path: "mine", text: key }, { key });
  });
  await bed.demand(worker, { name: "sleep" }, { key: LIVE });
  asleep.push(...users);
}

async function measure(
  bed: TestBed,
  worker: WorkerProcess,
  asleep: readonly string[],
): Promise<Measured> {
  await bed.demand(worker, { name: "open" }, { key: LIVE });
  const live = await worker.acquireTimes(LIVE);
  let wakeMs = 0;
  for (let wake = 0; wake < WAKES_PER_ROUND; wake++) {
    const key = bed.random.pick(asleep);
    wakeMs += (await timed(() => readOwn(bed, worker, key))) / WAKES_PER_ROUND;
  }
  const key = `newcomer ${asleep.length}`;
  const openMs = await timed(() => bed.demand(worker, { name: "open" }, { key }));
  return { live, wakeMs: Math.round(wakeMs), openMs: Math.round(openMs) };
}

function expectNoSlower(bed: TestBed, first: Measured, last: Measured): void {
  const figures: [string, number, number][] = [
    ["getOrCreate of a live session", first.live.p50Ms + NOISE_MS, last.live.p50Ms],
    ["a wake", first.wakeMs, last.wakeMs],
    ["an opening", first.openMs, last.openMs],
  ];
  for (const [what, before, after] of figures) {
    if (after <= before * MAX_SLOWDOWN * bed.patience) continue;
    bed.violate("deadline-kept", "-", `${what} took ${before} ms with few, ${after} ms with many`);
  }
}

/** Killed while some are awake; the next server looks through all of it. */
async function restart(
  bed: TestBed,
  worker: WorkerProcess,
  asleep: readonly string[],
): Promise<Record<string, number>> {
  const awake = asleep.slice(0, AWAKE_AT_RESTART);
  await eachOf(awake, async (key) => void (await bed.demand(worker, { name: "open" }, { key })));
  await worker.kill();
  const begunAtMs = performance.now();
  const next = bed.spawnWorker({ alone: true });
  await next.ready;
  const readyMs = Math.round(performance.now() - begunAtMs);
  await next.recovered;
  const recoveredMs = Math.round(performance.now() - begunAtMs);
  if (recoveredMs > RECOVERED_WITHIN_MS * bed.patience) {
    bed.violate("deadline-kept", "-", `The server had recovered only after ${recoveredMs} ms`);
  }
  await eachOf(awake, (key) => readOwn(bed, next, key));
  return { awakeAtRestart: awake.length, readyMs, recoveredMs };
}

async function readOwn(bed: TestBed, worker: WorkerProcess, key: string): Promise<void> {
  await bed.demand(worker, { name: "read", path: "mine" }, { key });
}

async function eachOf(
  keys: readonly string[],
  work: (key: string) => Promise<unknown>,
): Promise<void> {
  const left = keys.values();
  const caller = async (): Promise<void> => {
    for (const key of left) await work(key);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begunAtMs = performance.now();
  await work();
  return performance.now() - begunAtMs;
}

function flat(when: "first" | "last", { live, wakeMs, openMs }: Measured): Record<string, number> {
  const { p50Ms, p95Ms } = live;
  return {
    [`${when}LiveP50Ms`]: p50Ms,
    [`${when}LiveP95Ms`]: p95Ms,
    [`${when}WakeMs`]: wakeMs,
    [`${when}OpenMs`]: openMs,
  };
}
