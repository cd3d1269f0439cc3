import { memoryUsage } from "node:process";
import { readdir } from "node:fs/promises";
import { SandboxError } from "@carrel/backend-protocol";
import type { Sandbox } from "@carrel/backend-protocol";
import type { SessionManager } from "@carrel/session-manager";
import type { WorkerOperation, WorkerValue } from "./worker-protocol.ts";

interface Task {
  key: string;
  operation: WorkerOperation;
  signal: AbortSignal;
}

/** Another for each start of a container: when its first process began, and in which control group. */
const IDENTIFY = "cut -d' ' -f22 /proc/1/stat; head -n1 /proc/self/cgroup";

const TIMED_CALLS = 5000;

/** Do what a caller asks for, with what a user of the session manager has. */
export async function perform(manager: SessionManager, task: Task): Promise<WorkerValue> {
  const { key, operation, signal } = task;
  switch (operation.name) {
    case "open":
      await manager.getOrCreate(key, { signal });
      return null;
    case "look":
      await manager.getSession(key, { signal });
      return null;
    case "sleep":
      return String(await manager.cleanupIdle(0));
    case "end":
      return String(await manager.release(key));
    case "cycle":
      return cycle(manager, signal);
    case "figures":
      return [JSON.stringify(await figures())];
    case "acquire-times":
      return [JSON.stringify(await acquireTimes(manager, key))];
    case "shutdown":
      return null;
    default:
      return work(await manager.getOrCreate(key, { signal }), operation, signal);
  }
}

type Work = Extract<WorkerOperation, { name: "write" | "read" | "append" | "lines" | "identify" }>;

async function work(sandbox: Sandbox, operation: Work, signal: AbortSignal): Promise<WorkerValue> {
  switch (operation.name) {
    case "write":
      await sandbox.write(operation.path, operation.text, { signal });
      return null;
    case "read":
      return textOf(await sandbox.read(operation.path, { signal }));
    case "lines":
      return (textOf(await sandbox.read(operation.path, { signal })) ?? "")
        .split("\n")
        .filter((line) => line !== "");
    case "append":
      return run(sandbox, `printf '%s\\n' '${operation.text}' >> '${operation.path}'`, signal);
    case "identify":
      return run(sandbox, IDENTIFY, signal);
  }
}

async function cycle(manager: SessionManager, signal: AbortSignal): Promise<null> {
  const id = await manager.createSession({ signal });
  try {
    await run(await manager.getSession(id, { signal }), "true", signal);
  } finally {
    await manager.endSession(id);
  }
  return null;
}

async function run(sandbox: Sandbox, command: string, signal: AbortSignal): Promise<string> {
  const { outcome, exitCode, stdout, stderr } = await sandbox.execute(command, { signal });
  if (outcome === "exited" && exitCode === 0) return stdout.trim();
  // What is lost is told truthfully; the caller cannot know whether it was done.
  if (outcome === "lost") {
    throw new SandboxError({ code: "unavailable", message: "The command was lost." });
  }
  if (outcome === "cancelled") {
    throw new SandboxError({ code: "aborted", message: "The command was cancelled." });
  }
  throw new Error(`The command ${outcome} with ${exitCode}: ${stderr}`);
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString();
}

export interface AcquireTimes {
  p50Ms: number;
  p95Ms: number;
}

async function acquireTimes(manager: SessionManager, key: string): Promise<AcquireTimes> {
  const times: number[] = [];
  for (let call = 0; call < TIMED_CALLS; call++) {
    const begunAtMs = performance.now();
    await manager.getOrCreate(key);
    times.push(performance.now() - begunAtMs);
  }
  times.sort((left, right) => left - right);
  const at = (share: number): number => times[Math.floor(TIMED_CALLS * share)] ?? Number.NaN;
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}

/** What this process holds, for those who look for leaks. */
export interface WorkerFigures {
  fileDescriptors: number;
  timers: number;
  heapBytes: number;
}

async function figures(): Promise<WorkerFigures> {
  globalThis.gc?.();
  const descriptors = await readdir("/proc/self/fd").catch(() => []);
  return {
    fileDescriptors: descriptors.length,
    timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length,
    heapBytes: memoryUsage().heapUsed,
  };
}
