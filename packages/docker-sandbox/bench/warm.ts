import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { ManagedSandbox } from "@carrel/backend-protocol";
import { createDockerProvider } from "../src/index.ts";
import type { DockerSandboxProvider } from "../src/index.ts";
import { BareEngine } from "./bare-engine.ts";
import { percentiles } from "./measure.ts";
import type { Percentiles } from "./measure.ts";

/**
 * How long `create` takes: from the warm pool, for users without and with files, and without a pool, and
 * the first wake of what was claimed, beside the bare engine's create and start. Each claim finds the pool full, as where users come one
 * after the other. Part of `npm run bench`; the figures also go to
 * `test-results/bench-warm.json`.
 */
const RESULTS = new URL("../test-results/", import.meta.url);
const image = process.env.CARREL_TEST_IMAGE ?? "python:3.12-slim";
const ROUNDS = 60;
const COLD_ROUNDS = Math.ceil(ROUNDS / 3);
const POOL_SIZE = 2;

const TOP = `for i in $(seq 200); do echo $i > file-$i; done`;
const TREE = `for d in $(seq 20); do mkdir d$d; for i in $(seq 10); do echo $i > d$d/f$i; done; done`;

const root = await mkdtemp(join(tmpdir(), "carrel-bench-warm-"));
const options = { workspaceRoot: join(root, "users"), image };
/** What a claim cannot be faster than, taken beside each. */
const renames: number[] = [];
await using cold = await createDockerProvider(options);
await using warm = await createDockerProvider({ ...options, warm: { size: POOL_SIZE } });
await using bare = await BareEngine.start(image);
try {
  const measured: Record<string, Percentiles> = {
    "claim, new user": await claims("new", null),
    "claim, 200 files in 20 folders": await claims("tree", TREE),
    "claim, 200 files side by side": await claims("top", TOP),
    "first wake from a stop after a claim, to first command": percentiles(
      await times(COLD_ROUNDS, firstWake),
    ),
    "create without a pool, new user": percentiles(await times(COLD_ROUNDS, coldCreate)),
    "bare engine, create and start": percentiles(await times(COLD_ROUNDS, bareCreate)),
    "bare engine, rename amid the claims": percentiles(renames),
  };
  console.table(
    Object.entries(measured).map(([name, { p50, p95, p99 }]) => ({
      "times in ms": name,
      p50: p50.toFixed(1),
      p95: p95.toFixed(1),
      p99: p99.toFixed(1),
    })),
  );
  const machine = { cores: cpus().length, memoryBytes: totalmem(), kernel: release(), image };
  const result = { machine, loadAverage: loadavg(), rounds: ROUNDS, measured };
  await mkdir(RESULTS, { recursive: true });
  const file = new URL("bench-warm.json", RESULTS);
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  for (const { key } of await cold.list()) await cold.remove(key);
  await warm[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
}

/** Each by a user of its own, whose files were made and whose sandbox was discarded before. */
async function claims(name: string, fill: string | null): Promise<Percentiles> {
  let misses = 0;
  const measured: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const key = `${name} ${round}`;
    if (fill !== null) {
      const sandbox = await cold.create(key);
      await sandbox.execute(fill);
      await sandbox.stop();
      await cold.discard(key);
    }
    await untilFull(warm);
    const phases = new Set<string>();
    const [sandbox, timeMs] = await timed(() =>
      warm.create(key, { onProgress: ({ phase }) => phases.add(phase) }),
    );
    renames.push(await bareRename());
    if (phases.has("claiming")) measured.push(timeMs);
    else misses++;
    await sandbox.destroy();
  }
  if (misses > 0) console.warn(`${name}: ${misses} of ${ROUNDS} claims found no sandbox`);
  return percentiles(measured);
}

/** It has another container from then on, on the directories of its user. */
async function firstWake(round: number): Promise<number> {
  await untilFull(warm);
  const sandbox = await warm.create(`wakes ${round}`);
  await sandbox.stop();
  const [, timeMs] = await timed(async () => {
    await sandbox.resume();
    await sandbox.execute("true");
  });
  await sandbox.destroy();
  return timeMs;
}

async function untilFull(provider: DockerSandboxProvider): Promise<void> {
  while (provider.warmCount < POOL_SIZE) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function times(rounds: number, work: (round: number) => Promise<number>): Promise<number[]> {
  const measured: number[] = [];
  for (let round = 0; round < rounds; round++) measured.push(await work(round));
  return measured;
}

async function coldCreate(round: number): Promise<number> {
  const [sandbox, timeMs] = await timed<ManagedSandbox>(() => cold.create(`cold ${round}`));
  await sandbox.destroy();
  return timeMs;
}

async function bareCreate(): Promise<number> {
  const [remove, timeMs] = await timed(() => bare.createAndStart());
  await remove();
  return timeMs;
}

async function bareRename(): Promise<number> {
  const [, timeMs] = await timed(() => bare.rename(`carrel-bench-${randomUUID()}`));
  return timeMs;
}

async function timed<Result>(work: () => Promise<Result>): Promise<[Result, number]> {
  const startMs = performance.now();
  const result = await work();
  return [result, performance.now() - startMs];
}
