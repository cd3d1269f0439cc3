import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, freemem, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { ManagedSandbox } from "@carrel/backend-protocol";
import { createDockerProvider } from "../src/index.ts";
import { percentiles, timed } from "./measure.ts";
import type { Percentiles } from "./measure.ts";

/**
 * How long a command takes while many sandboxes run and have nothing to do, and what they take of the
 * machine. Part of `npm run bench`; the figures also go to
 * `test-results/bench-many.json`.
 */
const RESULTS = new URL("../test-results/", import.meta.url);
const COUNT = Number(process.env.CARREL_BENCH_COUNT ?? 300);
const ROUNDS = 300;
const MAKERS = 4;
/** How long agents have nothing to do before they are idle. */
const IDLE_MS = 6000;
const image = process.env.CARREL_TEST_IMAGE ?? "python:3.12-slim";

const root = await mkdtemp(join(tmpdir(), "carrel-bench-many-"));
await using provider = await createDockerProvider({ workspaceRoot: join(root, "users"), image });
const sandboxes: ManagedSandbox[] = [];
try {
  const freeBytes = freemem();
  await makeUntil(1);
  const alone = await commands();
  await makeUntil(COUNT);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const takenBytes = freeBytes - freemem();
  const amongMany = await commands();
  report({ alone, amongMany, takenBytes });
  const machine = { cores: cpus().length, memoryBytes: totalmem(), kernel: release(), image };
  const result = { machine, count: COUNT, rounds: ROUNDS, alone, amongMany, takenBytes };
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL("bench-many.json", RESULTS), `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await inTurns(sandboxes.values(), (sandbox) => sandbox.destroy());
  await rm(root, { recursive: true, force: true });
}

async function makeUntil(count: number): Promise<void> {
  const keys = Array.from({ length: count - sandboxes.length }, () => crypto.randomUUID());
  await inTurns(keys.values(), async (key) => {
    const sandbox = await provider.create(key);
    sandboxes.push(sandbox);
    await sandbox.execute("true");
  });
}

/** Each in another sandbox, one after the other. */
async function commands(): Promise<Percentiles> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sandbox = sandboxes[round % sandboxes.length];
    times.push(await timed(async () => void (await sandbox?.execute("echo hi"))));
  }
  return percentiles(times);
}

async function inTurns<Item>(
  items: Iterator<Item> & Iterable<Item>,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const worker = async (): Promise<void> => {
    for (const item of items) await work(item);
  };
  await Promise.all(Array.from({ length: MAKERS }, worker));
}

function report({
  alone,
  amongMany,
  takenBytes,
}: {
  alone: Percentiles;
  amongMany: Percentiles;
  takenBytes: number;
}): void {
  const row = (sandboxesRun: number, { p50, p95, p99 }: Percentiles): object => ({
    "sandboxes that run": sandboxesRun,
    "p50 ms": p50.toFixed(2),
    "p95 ms": p95.toFixed(2),
    "p99 ms": p99.toFixed(2),
  });
  console.table([row(1, alone), row(COUNT, amongMany)]);
  const ratio = (amongMany.p95 / alone.p95).toFixed(2);
  const each = Math.round(takenBytes / COUNT / 1e6);
  console.log(`p95 ${ratio} times as long; ${each} MB of the machine's memory for each sandbox`);
}
