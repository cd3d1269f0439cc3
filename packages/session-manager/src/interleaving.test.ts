import { SandboxError } from "@carrel/backend-protocol";
import type { Sandbox, SandboxProvider } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { erraticProvider } from "../test/erratic-provider.ts";
import type { EngineLog } from "../test/erratic-provider.ts";
import { Random } from "../test/random.ts";
import { openManager, runningKeys, statusOf } from "../test/test-manager.ts";
import type { TestManager } from "../test/test-manager.ts";

const USERS = ["alice", "bob", "__proto__"] as const;
// Nobody ends the sessions of this one, so nothing of it may ever be lost.
const PINNED = "pinned";
const CALLERS = 16;
const STEPS = 25;
const SEEDS = Array.from({ length: 8 }, (_, index) => index + 1);

interface Fault {
  /** Why this was allowed to happen, or `null`: it was not. */
  excuse: string | null;
  error: unknown;
}

/** Many callers who do as they please with one manager, and what they must never see. */
class Crowd {
  readonly random: Random;
  readonly setup: TestManager;
  readonly failureRate: number;
  readonly vandals: boolean;
  readonly log: EngineLog;
  readonly ids: [string, ...string[]] = ["ses_none"];
  readonly written: string[] = [];
  readonly faults: Fault[] = [];
  readonly outcomes: string[] = [];
  #serial = 0;

  constructor(setup: TestManager, log: EngineLog, options: CrowdOptions) {
    this.setup = setup;
    this.log = log;
    this.random = options.random;
    this.failureRate = options.failureRate;
    this.vandals = options.vandals;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: CALLERS }, () => this.#caller()));
    this.log.calm = true;
  }

  /** End all that is open; an end that failed before is tried again. */
  async endAll(): Promise<void> {
    const { manager } = this.setup;
    await manager.cleanupIdle(0);
    for (const id of [...USERS, PINNED, ...this.ids]) await manager.endSession(id);
  }

  async #caller(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      await this.random.yield();
      const signal = this.random.chance(0.1) ? await this.#abortSoon() : undefined;
      try {
        await this.#act(signal);
      } catch (error) {
        this.faults.push({ excuse: this.#excuse(error, signal), error });
      }
    }
  }

  async #act(signal: AbortSignal | undefined): Promise<void> {
    const { random } = this;
    const { manager, provider } = this.setup;
    const options = signal ? { signal } : {};
    const dice = random.next();
    const user = random.pick(USERS);
    if (dice < 0.25) await this.#use(await manager.getOrCreate(user, options), user);
    else if (dice < 0.4) await this.#usePinned(await manager.getOrCreate(PINNED, options));
    else if (dice < 0.5) {
      const owner = random.chance(0.7) ? { userId: user } : {};
      this.ids.push(await manager.createSession({ ...owner, ...options }));
    } else if (dice < 0.65)
      await this.#use(await manager.getSession(random.pick(this.ids), options));
    else if (dice < 0.75) await manager.endSession(random.pick(this.ids));
    else if (dice < 0.85) await manager.release(user);
    else if (dice < 0.97 || !this.vandals) await manager.cleanupIdle(0);
    else await vandalise(provider, user);
  }

  async #use(sandbox: Sandbox, user?: string): Promise<void> {
    await this.random.yield();
    const name = `${this.#serial++}.txt`;
    await sandbox.write(name, "one");
    await this.random.yield();
    await sandbox.edit(name, "one", "two");
    if (user !== undefined) await sandbox.stat(name);
  }

  async #usePinned(sandbox: Sandbox): Promise<void> {
    const name = `${this.#serial++}.txt`;
    await sandbox.write(name, "kept");
    this.written.push(name);
    await this.random.yield();
    this.outcomes.push((await sandbox.execute("true")).outcome);
  }

  async #abortSoon(): Promise<AbortSignal> {
    const controller = new AbortController();
    void this.random.yield().then(() => controller.abort());
    return controller.signal;
  }

  #excuse(error: unknown, signal: AbortSignal | undefined): string | null {
    if (!SandboxError.isInstance(error)) return null;
    if (error.code === "not-found") return "the session had ended";
    if (error.code === "gone" && error.message.includes("has ended")) return "the session ended";
    if (error.code === "aborted" && signal) return "the caller aborted";
    if (error.message === "It fails on purpose." && this.failureRate > 0)
      return "the engine failed";
    const honest = error.code === "unavailable" && error.message.startsWith("The sandbox stopped");
    return honest && this.vandals ? "somebody stopped the sandbox meanwhile" : null;
  }
}

interface CrowdOptions {
  random: Random;
  failureRate: number;
  /** Somebody stops sandboxes behind the manager's back. */
  vandals: boolean;
}

async function vandalise(provider: SandboxProvider, user: string): Promise<void> {
  await (await provider.find(user))?.stop();
}

async function withCrowd(
  { seed, ...options }: Omit<CrowdOptions, "random"> & { seed: number },
  check: (crowd: Crowd) => Promise<void>,
): Promise<void> {
  const random = new Random(seed);
  const log: EngineLog = { created: new Map(), stopped: new Map(), collisions: 0, calm: false };
  await using setup = await openManager({
    wrap: (provider) => erraticProvider(provider, { random, ...options }, log),
  });
  const crowd = new Crowd(setup, log, { random, ...options });
  await crowd.run();
  await check(crowd);
}

/** What holds however the engine behaves. */
async function expectSound(crowd: Crowd): Promise<void> {
  const { manager, provider } = crowd.setup;
  expect(crowd.faults.filter(({ excuse }) => excuse === null)).toEqual([]);
  expect(crowd.outcomes.filter((outcome) => outcome !== "exited")).toEqual([]);
  expect(crowd.log.collisions).toBe(0);
  const pinned = await manager.getOrCreate(PINNED);
  const names = new Set((await pinned.ls(".")).map(({ name }) => name));
  expect(crowd.written.filter((name) => !names.has(name))).toEqual([]);
  for (const key of [...USERS, PINNED]) expect(crowd.log.created.get(key) ?? 0).toBeLessThan(2);
  await crowd.endAll();
  // A sandbox whose caller gave up may arrive only now; it is stopped then.
  await expect.poll(() => runningKeys(provider), { timeout: 20_000 }).toEqual([]);
  expect(manager.sessionCount).toBe(0);
  for (const id of [...USERS, PINNED, ...crowd.ids]) expect(manager.has(id)).toBe(false);
  const left = (await provider.list()).map(({ key }) => key);
  expect(left.filter((key) => key.startsWith("ses_"))).toEqual([]);
}

describe("whatever sixteen callers do at the same time", () => {
  test.for(SEEDS)(
    "nobody is disturbed, nothing is lost and nothing stays behind (seed %i)",
    async (seed) => {
      await withCrowd({ seed, failureRate: 0, vandals: false }, async (crowd) => {
        const { manager, provider } = crowd.setup;
        for (const { id, state, userId } of manager.sessions.values()) {
          expect([id, state]).toEqual([id, "running"]);
          expect(await statusOf(provider, userId ?? id)).toBe("running");
        }
        await expectSound(crowd);
      });
    },
  );

  test.for(SEEDS)("the same holds on an engine that fails now and then (seed %i)", async (seed) => {
    await withCrowd({ seed, failureRate: 0.1, vandals: false }, expectSound);
  });

  test.for(SEEDS)("and when sandboxes are stopped under their hands (seed %i)", async (seed) => {
    await withCrowd({ seed, failureRate: 0.02, vandals: true }, expectSound);
  });
});
