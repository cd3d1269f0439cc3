import { randomUUID } from "node:crypto";
import { mkdtemp, rm, stat, writeFile, mkdir } from "node:fs/promises";
import { arch, cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { memoryUsage } from "node:process";
import { findAgentBinary } from "@carrel/sandbox-agent";
import { createDockerProvider } from "../src/index.ts";
import { BareEngine } from "./bare-engine.ts";
import { commandCases, fileCases, lifeCases, prepareTrees, searchCases } from "./cases.ts";
import type { Case } from "./cases.ts";
import { idleMemory } from "./idle-memory.ts";
import { measure } from "./measure.ts";
import type { Percentiles } from "./measure.ts";

/**
 * Sandboxes against the bare engine, in one run on one machine: `npm run bench`. The table goes to
 * the terminal and everything to `test-results/bench.json`.
 */
const RESULTS = new URL("../test-results/", import.meta.url);
/** How long an agent has nothing to do before its memory counts as that of an idle one. */
const IDLE_MS = 6000;
const image = process.env.CARREL_TEST_IMAGE ?? "python:3.12-slim";

interface Measured {
  name: string;
  carrel: Percentiles;
  bare: Percentiles;
  /** Bare over Carrel at p50: how many times faster. */
  ratio: number;
}

const root = await mkdtemp(join(tmpdir(), "carrel-bench-"));
await using provider = await createDockerProvider({ workspaceRoot: join(root, "users"), image });
await using bare = await BareEngine.start(image);
const sandbox = await provider.create(`bench ${randomUUID()}`);
try {
  const idle = await measureIdle();
  await prepareTrees(sandbox, bare);
  const before = memoryUsage().rss;
  const cases = [
    ...lifeCases(provider, sandbox, bare),
    ...commandCases(sandbox, bare),
    ...fileCases(sandbox, bare),
    ...searchCases(sandbox, bare),
  ];
  const measured: Measured[] = [];
  for (const each of cases) measured.push(await measureBoth(each));
  await report(measured, { idle, serverGrowthBytes: memoryUsage().rss - before });
} finally {
  await sandbox.destroy();
  await rm(root, { recursive: true, force: true });
}

async function measureBoth({
  name,
  rounds,
  bareRounds,
  carrel,
  bare: work,
}: Case): Promise<Measured> {
  const ours = await measure(rounds, carrel);
  const theirs = await measure(bareRounds, work);
  return { name, carrel: ours, bare: theirs, ratio: theirs.p50 / ours.p50 };
}

async function measureIdle(): Promise<Record<string, number>> {
  await sandbox.execute("true");
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const { path } = await findAgentBinary(arch() === "arm64" ? "arm64" : "amd64");
  return { ...(await idleMemory(sandbox.id)), agentDiskBytes: (await stat(path)).size };
}

async function report(measured: readonly Measured[], rest: object): Promise<void> {
  console.table(
    measured.map(({ name, carrel, bare: theirs, ratio }) => ({
      "times in ms": name,
      p50: carrel.p50.toFixed(2),
      p95: carrel.p95.toFixed(2),
      p99: carrel.p99.toFixed(2),
      "bare p50": theirs.p50.toFixed(2),
      "bare p95": theirs.p95.toFixed(2),
      "times faster": ratio.toFixed(2),
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
