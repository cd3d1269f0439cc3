import type { Container } from "dockerode";
import type { WorkerProcess } from "../worker/worker-process.ts";
import type { Scenario, ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { TestBed } from "./test-bed.ts";
import { Traffic, readAll } from "./traffic.ts";

const KEYS = ["ann", "ben"] as const;
const BUSY_CALLERS = 4;
/** A call that is struck by a pause waits for whoever paused it, or for this. */
const BUSY_DEADLINE_MS = 5000;

/** What an operator, or a program that knows nothing of this one, does to a container. */
const DEEDS: readonly [Deed, ...Deed[]] = [
  { name: "kill", do: (container) => container.kill() },
  { name: "pause", do: (container) => container.pause() },
  { name: "stop", do: (container) => container.stop({ t: 0 }) },
  { name: "restart", do: (container) => container.restart({ t: 0 }) },
  { name: "remove", do: (container) => container.remove({ force: true, v: true }) },
  { name: "rename", do: (container) => container.rename({ name: `meddled-${container.id}` }) },
];

interface Deed {
  name: string;
  do: (container: Container) => Promise<unknown>;
}

/** Containers are changed behind the manager's back, idle ones and busy ones. */
export const meddledWith: Scenario = {
  name: "meddled-with",
  about: "containers are killed, paused, stopped, restarted, removed and renamed by somebody else",
  shortRounds: 2 * DEEDS.length,
  longRounds: 400,
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioReport> {
  await using bed = await TestBed.make(options);
  const traffic = new Traffic(bed.random);
  const worker = bed.spawnWorker();
  await worker.ready;
  let rounds = 0;
  let slowestMs = 0;
  for (; bed.mayGoOn(rounds); rounds++) {
    const key = bed.random.pick(KEYS);
    // Each of them in turn, first to idle containers and then to busy ones.
    const deed = DEEDS[rounds % DEEDS.length] ?? DEEDS[0];
    const busy = Math.floor(rounds / DEEDS.length) % 2 === 1;
    // A call, since a session that is open costs no look at the engine.
    await bed.demand(worker, { name: "identify" }, { key });
    if (busy) await meddleAmid(bed, worker, traffic, { deed, key });
    else await meddle(bed, deed, key);
    if (deed.name === "rename") {
      // It may be used on, or be refused as soon as somebody looks for it by its name.
      await bed.ask(worker, traffic.append(), { key, caller: "after rename" });
      await removeRenamed(bed);
    }
    const begunAtMs = performance.now();
    await bed.demand(worker, traffic.append(), {
      key,
      caller: `after ${deed.name}, busy: ${busy}`,
    });
    const tookMs = Math.round(performance.now() - begunAtMs);
    slowestMs = Math.max(slowestMs, tookMs);
    await readAll(bed, worker, key);
    bed.progress(
      `round ${rounds + 1}: ${deed.name}, busy: ${busy}: works again after ${tookMs} ms`,
    );
  }
  return bed.report(meddledWith.name, {
    rounds,
    figures: { slowestMs },
    allowed: { every: ["unavailable", "aborted"] },
  });
}

/** Calls of which each may be struck: what they tell must be true. */
async function meddleAmid(
  bed: TestBed,
  worker: WorkerProcess,
  traffic: Traffic,
  { deed, key }: { deed: Deed; key: string },
): Promise<void> {
  let over = false;
  const callers = Array.from({ length: BUSY_CALLERS }, async (_, index) => {
    const asked = { key, caller: `busy caller ${index}`, deadlineMs: BUSY_DEADLINE_MS };
    while (!over) await bed.ask(worker, traffic.next(0), asked);
  });
  await meddle(bed, deed, key);
  over = true;
  await Promise.all(callers);
}

async function meddle(bed: TestBed, deed: Deed, key: string): Promise<void> {
  const container = await bed.view.container(key);
  if (!container)
    return bed.violate("one-sandbox-per-key", key, "A sandbox that was just used has no container");
  try {
    await deed.do(container);
  } catch (error) {
    // The traffic woke or replaced it at the same moment.
    bed.progress(`${deed.name} was refused: ${String(error)}`);
  }
  await bed.observe();
}

async function removeRenamed(bed: TestBed): Promise<void> {
  for (const { id, name } of await bed.view.containers()) {
    if (name.startsWith("meddled-"))
      await bed.view.docker.getContainer(id).remove({ force: true, v: true });
  }
}
