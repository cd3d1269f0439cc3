import { monitorEventLoopDelay } from "node:perf_hooks";
import type { MemoryBudget } from "@carrel/backend-protocol";
import { expect } from "vitest";
import { AgentSandbox } from "../agent-sandbox.ts";
import { FRAME } from "../frames.ts";
import { Flood } from "./flooding-agent.ts";
import { usedBytes } from "./held-memory.ts";
import { ScriptedSandbox } from "./scripted-agent.ts";
import type { ScriptedAgent } from "./scripted-agent.ts";

export const MEBIBYTE: number = 1024 * 1024;
/** Far beyond what is aimed at, 100 ms: the machine may have much else to do. */
export const MAX_DELAY_MS = 1000;
/** What a turn of the loop may work: measured 5 to 35 ms; before it was cut into turns, 400. */
export const MAX_TURN_MS = 200;
export const SLOW = { timeout: 120_000 };

const STARTED = { id: "p", startedAt: "2026-01-31T12:00:00.000Z", open: false };
export const EXITED = {
  outcome: "exited",
  exitCode: 0,
  signal: null,
  truncated: false,
  durationMs: 1,
};
export const UNAVAILABLE = { code: "unavailable" };
export const CAPACITY = { code: "capacity" };

export function scriptedSandbox(memory?: MemoryBudget): {
  scripted: ScriptedSandbox;
  sandbox: AgentSandbox;
} {
  const scripted = new ScriptedSandbox();
  const { open } = scripted;
  return {
    scripted,
    sandbox: new AgentSandbox({ id: "scripted", workDir: "/workspace", open, memory }),
  };
}

export interface Started {
  agent: ScriptedAgent;
  stream: number;
  flood: Flood;
}

export async function started(scripted: ScriptedSandbox): Promise<Started> {
  const agent = await scripted.nextAgent();
  const { stream } = await agent.nextCall("spawn");
  agent.send(FRAME.event, stream, STARTED);
  return { agent, stream, flood: new Flood(agent, stream) };
}

/** @returns the most bytes that were in use, beyond those before */
export async function floodWithSingleBytes(
  { flood }: Pick<Started, "flood">,
  { bytes, byTurns = false }: { bytes: number; byTurns?: boolean },
): Promise<number> {
  const before = usedBytes();
  let most = 0;
  for (let sequence = 1; sequence <= bytes; sequence++) {
    const stream = byTurns && sequence % 2 === 0 ? "stderr" : "stdout";
    if (!(await flood.chunk(sequence, "x", stream))) break;
    if (sequence % (bytes / 4) === 0) most = Math.max(most, usedBytes() - before);
  }
  await flood.flush();
  return Math.max(most, usedBytes() - before);
}

/** A sandbox that has nothing to do with the others answers. */
export async function expectNeighbourServed(memory?: MemoryBudget): Promise<void> {
  const { scripted, sandbox } = scriptedSandbox(memory);
  const stat = sandbox.stat("f");
  const agent = await scripted.nextAgent();
  agent.send(FRAME.result, (await agent.nextCall("stat")).stream, { info: null });
  await expect(stat).resolves.toBeNull();
}

export function info(index: number): string {
  const path = `/workspace/d/file-${index}`;
  return JSON.stringify({ path, type: "file", size: 5, mode: 0o644, mtimeMs: 1_790_000_000_000 });
}

/** How long the event loop was held up, from now to the end of the block. */
export function delayed(): Disposable & { p99Ms: () => number; busiestTurnMs: () => number } {
  const histogram = monitorEventLoopDelay({ resolution: 10 });
  histogram.enable();
  let watching = true;
  let busiestMs = 0;
  let { user, system } = process.cpuUsage();
  const watch = (): void => {
    const now = process.cpuUsage();
    busiestMs = Math.max(busiestMs, (now.user - user + now.system - system) / 1000);
    ({ user, system } = now);
    if (watching) setImmediate(watch);
  };
  setImmediate(watch);
  return {
    p99Ms: () => {
      const ms = histogram.percentile(99) / 1e6;
      const most = histogram.max / 1e6;
      const figures = `p99 ${ms.toFixed(1)} ms, most ${most.toFixed(1)} ms`;
      process.stdout.write(
        `event loop delay: ${figures}; busiest turn ${busiestMs.toFixed(1)} ms\n`,
      );
      return ms;
    },
    /** What this process worked in one turn of the loop at most: other programs do not count. */
    busiestTurnMs: () => busiestMs,
    [Symbol.dispose]: () => {
      watching = false;
      histogram.disable();
    },
  };
}
