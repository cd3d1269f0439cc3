import type { Fault, FaultRule, Flow } from "../proxy/fault.ts";
import type { Random } from "../random.ts";
import type { WorkerProcess } from "../worker/worker-process.ts";
import { findOrphans } from "./orphans.ts";
import type { Scenario, ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { TestBed, eventually } from "./test-bed.ts";
import { Traffic, readAll } from "./traffic.ts";
import { untilWell } from "./until-well.ts";

const KEYS = ["ann", "ben", "cleo"] as const;
const CALLERS = 4;
const CALLS_PER_CALLER = 6;
/** Sandboxes for nobody, which come from the warm pool as far as it has some. */
const CYCLES_PER_ROUND = 4;
const WARM = 1;
const NO_ORPHANS_WITHIN_MS = 60_000;
/** A user's patience with an engine that hangs. */
const DEADLINE_MS = 5000;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
/** What hangs keeps its user waiting until the manager gives it up. */
const RECOVERED_WITHIN_MS = START_TIMEOUT_MS + STOP_TIMEOUT_MS + 10_000;
const NONSENSE: readonly { body: string; contentType: string }[] = [
  { body: "<html><body>502 Bad Gateway</body></html>", contentType: "text/html" },
  { body: "", contentType: "application/json" },
  { body: '{"mess', contentType: "application/json" },
  { body: '{"message":"planted"}', contentType: "application/json" },
];

/** The engine, or what is between, does what engines do on bad days. */
export const engineFaults: Scenario = {
  name: "engine-faults",
  about: "the engine is slow, hangs, breaks connections, answers nonsense, and is away for a while",
  shortRounds: 3,
  longRounds: 300,
  run,
};

/** Of which calls; `null`: of all. */
const TARGETS: readonly (readonly string[] | null)[] = [
  ["create"],
  ["rename"],
  ["start"],
  ["stop"],
  ["inspect"],
  ["exec-create"],
  ["exec-start"],
  ["remove"],
  null,
];

type Trouble = { name: string } & ({ rules: FaultRule[] } | { outage: true });

async function run(options: ScenarioOptions): Promise<ScenarioReport> {
  await using bed = await TestBed.make(options);
  const traffic = new Traffic(bed.random);
  const worker = bed.spawnWorker({
    warm: WARM,
    manager: { startTimeoutMs: START_TIMEOUT_MS, stopTimeoutMs: STOP_TIMEOUT_MS },
  });
  await worker.ready;
  let rounds = 0;
  let slowestMs = 0;
  for (; bed.mayGoOn(rounds); rounds++) {
    const trouble = draw(bed.random);
    await during(bed, trouble, () => askAll(bed, worker, traffic));
    const tookMs = await untilWell(bed, worker, { keys: KEYS, withinMs: RECOVERED_WITHIN_MS });
    slowestMs = Math.max(slowestMs, tookMs);
    for (const key of KEYS) await readAll(bed, worker, key);
    await bed.observe();
    bed.progress(`round ${rounds + 1}: ${trouble.name}: well again after ${tookMs} ms`);
  }
  let orphans: string[] = [];
  const areGone = async (): Promise<boolean> =>
    (orphans = await findOrphans(bed, WARM)).length === 0;
  if ((await eventually(areGone, NO_ORPHANS_WITHIN_MS)) === null) {
    bed.violate("nothing-orphaned", "-", `Left behind: ${orphans.join(", ")}`);
  }
  const { faults } = bed.proxy.statistics;
  return bed.report(engineFaults.name, {
    rounds,
    figures: { slowestMs, faults: [...faults.values()].reduce((sum, each) => sum + each, 0) },
    allowed: {
      every: ["unavailable", "timeout", "aborted", "capacity"],
      look: ["not-found", "gone"],
    },
  });
}

function draw(random: Random): Trouble {
  const calls = random.pick(TARGETS);
  const chance = calls ? 0.7 : 0.3;
  const where = calls ? calls.join(" ") : "any call";
  const rule = (fault: Fault): { rules: FaultRule[] } => ({
    rules: [{ ...(calls && { calls }), chance, fault }],
  });
  const flow = random.pick<Flow>(["request", "answer"]);
  const streamFlow = random.pick<Flow>(["to-sandbox", "from-sandbox"]);
  return random.pick<() => Trouble>([
    () => ({
      name: `${where} slow`,
      ...rule({ kind: "delay", flow, delayMs: random.below(3000) }),
    }),
    () => ({
      name: `${where} trickles`,
      ...rule({ kind: "throttle", flow, bytesPerSecond: 200 + random.below(2000) }),
    }),
    () => ({
      name: `${where} cut in ${flow}`,
      ...rule({ kind: "cut", flow, afterBytes: random.below(400) }),
    }),
    () => ({
      name: `${where} lost answer`,
      ...rule({ kind: "cut", flow: "answer", afterBytes: 0 }),
    }),
    () => ({ name: `${where} hangs in ${flow}`, ...rule({ kind: "hang", flow, afterBytes: 0 }) }),
    () => ({
      name: `streams cut in ${streamFlow}`,
      rules: [{ fault: { kind: "cut", flow: streamFlow, afterBytes: random.below(2000) } }],
    }),
    () => ({
      name: `streams silent in ${streamFlow}`,
      rules: [{ fault: { kind: "hang", flow: streamFlow, afterBytes: random.below(2000) } }],
    }),
    () => ({ name: `${where} answered with nonsense`, ...rule(nonsense(random)) }),
    () => ({ name: "engine away", outage: true }),
  ])();
}

function nonsense(random: Random): Fault {
  const engineAsked = random.chance(0.5);
  const status = random.pick([200, 404, 409, 500, 503]);
  const { body, contentType } = random.pick(NONSENSE);
  return { kind: "rewrite", status, body, contentType, engineAsked };
}

async function during(bed: TestBed, trouble: Trouble, work: () => Promise<void>): Promise<void> {
  if ("outage" in trouble) {
    await using _ = await bed.proxy.refuse();
    return work();
  }
  // What is open already has no fault: let it begin anew, half of the time.
  if (bed.random.chance(0.5)) bed.proxy.cutAll();
  using rules = new DisposableStack();
  for (const rule of trouble.rules) rules.use(bed.proxy.inject(rule));
  await work();
  // A stream that was opened meanwhile would have its fault later, when all is to be well.
  if (trouble.rules.some(({ fault }) => isOfStream(fault))) bed.proxy.cutAll();
}

function isOfStream(fault: Fault): boolean {
  return "flow" in fault && (fault.flow === "to-sandbox" || fault.flow === "from-sandbox");
}

async function askAll(bed: TestBed, worker: WorkerProcess, traffic: Traffic): Promise<void> {
  const callers = Array.from({ length: CALLERS }, async (_, index) => {
    for (let call = 0; call < CALLS_PER_CALLER; call++) {
      const key = bed.random.pick(KEYS);
      const asked = { key, caller: `caller ${index}`, deadlineMs: DEADLINE_MS };
      await bed.ask(worker, traffic.next(), asked);
    }
  });
  await Promise.all([...callers, cycle(bed, worker)]);
}

async function cycle(bed: TestBed, worker: WorkerProcess): Promise<void> {
  const endingMs = STOP_TIMEOUT_MS;
  const asked = { key: "-", caller: "cycles", deadlineMs: DEADLINE_MS, endingMs };
  for (let each = 0; each < CYCLES_PER_ROUND; each++) {
    await bed.ask(worker, { name: "cycle" }, asked);
  }
}
