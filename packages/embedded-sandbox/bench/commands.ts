import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import { createEmbeddedProvider } from "../src/index.ts";

/**
 * How long the embedded sandbox takes, against the same work done bare on this machine in the same
 * run: `sh` and `python3` as child processes, files through Node. Bare is `null` where this machine
 * has no such program.
 */
const run = promisify(execFile);
const KIBIBYTE = new Uint8Array(1024).fill(97);

interface Case {
  name: string;
  rounds: number;
  embedded: () => Promise<unknown>;
  bare: () => Promise<unknown>;
}

const root = await mkdtemp(join(tmpdir(), "carrel-bench-"));
await using provider = createEmbeddedProvider({ root: join(root, "sandboxes") });
const sandbox = await provider.create("bench");
const file = join(root, "file");

const cases: Case[] = [
  {
    name: "echo hi",
    rounds: 200,
    embedded: () => sandbox.execute("echo hi"),
    bare: () => run("sh", ["-c", "echo hi"]),
  },
  {
    name: "echo hi, 8 at once",
    rounds: 25,
    embedded: () => Promise.all(Array.from({ length: 8 }, () => sandbox.execute("echo hi"))),
    bare: () => Promise.all(Array.from({ length: 8 }, () => run("sh", ["-c", "echo hi"]))),
  },
  {
    name: "python3 print",
    rounds: 20,
    embedded: () => sandbox.execute("python3 -c 'print(1)'"),
    bare: () => run("python3", ["-c", "print(1)"]),
  },
  {
    name: "write 1 KiB",
    rounds: 500,
    embedded: () => sandbox.write("file", KIBIBYTE),
    bare: () => writeFile(file, KIBIBYTE),
  },
  {
    name: "read 1 KiB",
    rounds: 500,
    embedded: () => sandbox.read("file"),
    bare: () => readFile(file),
  },
];

async function measure(work: () => Promise<unknown>, rounds: number): Promise<number[] | null> {
  const times: number[] = [];
  try {
    await work();
    for (let round = 0; round < rounds; round++) {
      const startMs = performance.now();
      await work();
      times.push(performance.now() - startMs);
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  return times.sort((left, right) => left - right);
}

function percentile(times: readonly number[], share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
}

function milliseconds(times: readonly number[] | null, share: number): string {
  return times ? percentile(times, share).toFixed(2) : "none";
}

const rows = [];
for (const { name, rounds, embedded, bare } of cases) {
  const ours = await measure(embedded, rounds);
  const theirs = await measure(bare, rounds);
  rows.push({
    "times in ms": name,
    p50: milliseconds(ours, 0.5),
    p95: milliseconds(ours, 0.95),
    p99: milliseconds(ours, 0.99),
    "bare p50": milliseconds(theirs, 0.5),
    ratio: ours && theirs ? (percentile(ours, 0.5) / percentile(theirs, 0.5)).toFixed(2) : "none",
  });
}
console.table(rows);
await rm(root, { recursive: true, force: true });
