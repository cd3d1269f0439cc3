import { randomUUID } from "node:crypto";
import { mkdtemp, rm, stat, writeFile, mkdir } from "node:fs/promises";
import { arch, cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { findAgentBinary } from "@carrel/sandbox-agent";
import { createDockerProvider } from "../src/index.ts";
import { BareEngine } from "./bare-engine.ts";
import { commandCases, fileCases, lifeCases, prepareTrees, searchCases } from "./cases.ts";
import type { Case } from "./cases.ts";
import { LABELS } from "../src/hardening/create-body.ts";
import { idleMemory } from "./idle-memory.ts";
import { measureInTurns } from "./measure.ts";
import { watchMemory } from "./watch-memory.ts";
import type { Percentiles } from "./measure.ts";

/**
 * Sandboxes against the bare engine, in one run on one machine: `npm run bench`. The table goes to
 * the terminal and everything to `test-results/bench.json`.
 */
const RESULTS = new URL("../test-results/", import.meta.url);
/** How long an agent has nothing to do before its memory counts as that of an idle one. */
const IDLE_MS = 6000;
/** Transfers from this size on tell of throughput and memory. */
const LARGE_BYTES = 1024 * 1024;
const image = process.env.CARREL_TEST_IMAGE ?? "python:3.12-slim";

interface Measured {
  name: string;
  carrel: Percentiles;
  bare: Percentiles;
  /** Bare over Carrel at p50: how many times faster. */
  ratio: number;
  /** Where bytes are moved: how many in a second, and by how much this process grew in one more round. */
  transfer?: { bytesPerSecond: number; growthBytes: number };
}

const root = await mkdtemp(join(tmpdir(), "carrel-bench-"));
await using provider = await createDockerProvider({ workspaceRoot: join(root, "users"), image });
await using bare = await BareEngine.start(image);
const sandbox = await provider.create(`bench ${randomUUID()}`);
try {
  const idle = await measureIdle();
  await prepareTrees(sandbox, bare);
  const cases = [
    ...lifeCases(provider, sandbox, bare),
    ...commandCases(sandbox, bare),
    ...fileCases(sandbox, bare),
    ...searchCases(sandbox, bare),
  ];
  const measured: Measured[] = [];
  for (const each of cases) measured.push(await measureBoth(each));
  await report(measured, { idle });
} finally {
  await sandbox.destroy();
  await rm(root, { recursive: true, force: true });
}

async function measureBoth(measure: Case): Promise<Measured> {
  const { name, rounds, bareRounds, bytes, prepare, ...works } = measure;
  const [carrel, theirs] = await measureInTurns(
    { rounds, work: works.carrel, prepare: prepare?.carrel },
    { rounds: bareRounds, work: works.bare, prepare: prepare?.bare },
  );
  const measured = { name, carrel, bare: theirs, ratio: theirs.p50 / carrel.p50 };
  if (bytes === undefined || bytes < LARGE_BYTES) return measured;
  const growth = watchMemory();
  await works.carrel();
  const transfer = { bytesPerSecond: (bytes / carrel.p50) * 1000, growthBytes: growth.stop() };
  return { ...measured, transfer };
}

async function measureIdle(): Promise<Record<string, number>> {
  await sandbox.execute("true");
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const { path } = await findAgentBinary(arch() === "arm64" ? "arm64" : "amd64");
  const containerId = await bare.findContainer(`${LABELS.sandbox}=${sandbox.id}`);
  return { ...(await idleMemory(containerId)), agentDiskBytes: (await stat(path)).size };
}

async function report(measured: readonly Measured[], rest: object): Promise<void> {
  console.table(
    measured.map(({ name, carrel, bare: theirs, ratio, transfer }) => ({
      "times in ms": name,
      p50: carrel.p50.toFixed(2),
      p95: carrel.p95.toFixed(2),
      p99: carrel.p99.toFixed(2),
      "bare p50": theirs.p50.toFixed(2),
      "bare p95": theirs.p95.toFixed(2),
      "bare p99": theirs.p99.toFixed(2),
      "times faster": ratio.toFixed(2),
      "MB/s": transfer ? Math.round(transfer.bytesPerSecond / 1e6) : "",
      "MB more": transfer ? Math.round(transfer.growthBytes / 1e6) : "",
    })),
  );
  console.log(rest);
  const machine = { cores: cpus().length, memoryBytes: totalmem(), kernel: release(), image };
  await mkdir(RESULTS, { recursive: true });
  await writeFile(
    new URL("bench.json", RESULTS),
    `${JSON.stringify({ machine, measured, ...rest }, null, 2)}\n`,
  );
}
