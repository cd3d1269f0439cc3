import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { attackByChance } from "./by-chance.ts";
import { heldMiB } from "./memory-watch.ts";
import { Neighbour, percentile } from "./neighbour.ts";

/**
 * The impersonating agent at length: `npm run soak -- impersonator [--minutes M] [--seed S] [--rounds N]`.
 * Each round has a seed, the one after the last, which is printed before it begins; `--seed S --rounds 1`
 * makes one of them again.
 */
const DEFAULT_MINUTES = 10;
const MAX_SEED = 2 ** 31;
const REPORT_EACH = 50;
/** What the process may hold on to, however long it runs. */
const MAX_HELD_MIB = 128;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: String(DEFAULT_MINUTES) },
    seed: { type: "string", default: String(randomInt(1, MAX_SEED)) },
    rounds: { type: "string", default: "Infinity" },
  },
});
const endMs = performance.now() + Number(values.minutes) * 60_000;
const first = Number(values.seed);
const rounds = Number(values.rounds);
if (!(endMs > 0) || !Number.isSafeInteger(first) || !(rounds > 0)) {
  console.error("usage: npm run soak -- impersonator [--minutes M] [--seed S] [--rounds N]");
  process.exit(64);
}

await using neighbour = await Neighbour.settle();
const heldBefore = heldMiB();
const timesMs: number[] = [];
let found = 0;
let grownMiB = 0;
let round = 0;
for (; round < rounds && performance.now() < endMs; round++) {
  const seed = first + round;
  process.stdout.write(`seed ${seed}\r`);
  const report = await attackByChance(seed, neighbour);
  timesMs.push(...report.timesMs);
  grownMiB = Math.max(grownMiB, report.grownMiB);
  for (const fault of report.faults) console.log(`seed ${seed}: ${fault}`);
  found += report.faults.length;
  if ((round + 1) % REPORT_EACH === 0) tell();
}
tell();
const slow = percentile(timesMs, 99) > neighbour.boundMs;
if (slow) console.log(`the neighbour was slower than ${Math.round(neighbour.boundMs)} ms`);
const leaks = heldMiB() - heldBefore > MAX_HELD_MIB;
if (leaks) console.log(`more than ${MAX_HELD_MIB} MiB are held on to`);
process.exitCode = found > 0 || slow || leaks ? 1 : 0;

function tell(): void {
  console.log(
    `${round} rounds, ${found} faults; neighbour: ${timesMs.length} rounds, p99 ${Math.round(percentile(timesMs, 99))} ms of at most ${Math.round(neighbour.boundMs)}; grown by ${grownMiB} MiB at most, ${heldMiB() - heldBefore} held`,
  );
}
