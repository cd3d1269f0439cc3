import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SandboxProvider } from "@carrel/backend-protocol";
import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import type { SessionEvent } from "../src/session-events.ts";
import { SessionManager } from "../src/session-manager.ts";
import type { SessionManagerOptions } from "../src/session-manager-options.ts";

/** Time that passes when a test says so. */
export class ManualClock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

/** A provider of real sandboxes in a directory of its own, both gone at the end of the scope. */
export async function openProvider(): Promise<SandboxProvider> {
  const root = await mkdtemp(join(tmpdir(), "session-manager-"));
  const provider = createEmbeddedProvider({ root });
  const dispose = provider[Symbol.asyncDispose].bind(provider);
  return Object.assign(provider, {
    async [Symbol.asyncDispose]() {
      await dispose();
      await rm(root, { recursive: true });
    },
  });
}

export interface TestManagerOptions extends Omit<SessionManagerOptions, "provider"> {
  /** Changes how the sandboxes behave towards the manager, not towards the test. */
  wrap?: (provider: SandboxProvider) => SandboxProvider;
}

export interface TestManager extends AsyncDisposable {
  manager: SessionManager;
  /** What the manager's sandboxes really are: ask it, or break it behind the manager's back. */
  provider: SandboxProvider;
  clock: ManualClock;
  /** What happened to sessions: without the calls that were only served, and their progress. */
  events: SessionEvent[];
}

const ROUTINE: readonly SessionEvent["type"][] = ["acquired", "start-progress"];

export async function openManager(options: TestManagerOptions = {}): Promise<TestManager> {
  const { wrap = (provider) => provider, ...managerOptions } = options;
  const provider = await openProvider();
  const clock = new ManualClock();
  const manager = new SessionManager({ provider: wrap(provider), clock, ...managerOptions });
  const events: SessionEvent[] = [];
  manager.subscribe((event) => {
    if (!ROUTINE.includes(event.type)) events.push(event);
  });
  return {
    manager,
    provider,
    clock,
    events,
    async [Symbol.asyncDispose]() {
      await manager.shutdown();
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** The status of the sandbox of a key; `null` where there is none. */
export async function statusOf(provider: SandboxProvider, key: string): Promise<string | null> {
  const sandbox = await provider.find(key);
  return sandbox && sandbox.status();
}

/** Keys of the sandboxes that run. */
export async function runningKeys(provider: SandboxProvider): Promise<string[]> {
  const sandboxes = await provider.list();
  return sandboxes.filter(({ status }) => status === "running").map(({ key }) => key);
}

/** Let everything go on that waits for nothing from outside. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Wait for the first event of a type. */
export function eventOf(
  manager: SessionManager,
  type: SessionEvent["type"],
): Promise<SessionEvent> {
  return new Promise((resolve) => {
    const unsubscribe = manager.subscribe((event) => {
      if (event.type !== type) return;
      unsubscribe();
      resolve(event);
    });
  });
}

/** What a promise is rejected with; fails the test where it is not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("Expected a rejection.");
}
