import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLock } from "./lock.mjs";

const PROCESSES = 6;
const NOBODY = 65_534;
const MODULE = pathToFileURL(join(import.meta.dirname, "lock.mjs")).href;

// Says when it begins and ends, and gives the others every chance to come between.
const WORKER = `
  import { appendFileSync } from "node:fs";
  import { setTimeout as sleep } from "node:timers/promises";
  import { withLock } from "${MODULE}";
  const [lock, log] = process.argv.slice(1);
  await withLock(lock, async () => {
    appendFileSync(log, "begin " + process.pid + "\\n");
    await sleep(20);
    appendFileSync(log, "end " + process.pid + "\\n");
  });
`;

let directory = "";
let lock = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "carrel lock "));
  lock = join(directory, "cache", "setup.lock");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function runWorkers(): Promise<string[]> {
  const log = join(directory, "log");
  const args = ["--input-type=module", "--eval", WORKER, lock, log];
  const workers = Array.from({ length: PROCESSES }, () =>
    spawn(process.execPath, args, { stdio: "ignore" }),
  );
  const codes = await Promise.all(workers.map((worker) => once(worker, "close")));
  expect(codes.map(([code]) => code)).toEqual(Array.from({ length: PROCESSES }, () => 0));
  return (await readFile(log, "utf8")).trimEnd().split("\n");
}

/** The id of a process that has ended. */
async function deadProcess(): Promise<string> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "close");
  return String(child.pid);
}

function expectOneAfterAnother(lines: readonly string[]): void {
  expect(lines).toHaveLength(2 * PROCESSES);
  for (let index = 0; index < lines.length; index += 2) {
    expect(lines[index + 1]).toBe(lines[index]?.replace("begin", "end"));
  }
}

test("processes do their work one after another", async () => {
  expectOneAfterAnother(await runWorkers());
  expect(existsSync(lock)).toBe(false);
});

test("processes that find the lock of a killed one do their work one after another too", async () => {
  await mkdir(dirname(lock), { recursive: true });
  await writeFile(lock, await deadProcess());
  expectOneAfterAnother(await runWorkers());
  expect(existsSync(lock)).toBe(false);
});

test("the lock is given back when the work fails", async () => {
  const work = withLock(lock, () => Promise.reject(new Error("the work failed")));
  await expect(work).rejects.toThrow("the work failed");
  expect(await withLock(lock, () => Promise.resolve("done"))).toBe("done");
});

test("a clone of another user is told in a sentence", async () => {
  await mkdir(dirname(lock), { recursive: true, mode: 0o500 });
  // Root may write anywhere.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  const work = withLock(lock, () => Promise.resolve());
  if (isRoot) process.seteuid?.(0);
  await expect(work).rejects.toThrow(/cache cannot be written to by this user\. Run this as the/);
});
