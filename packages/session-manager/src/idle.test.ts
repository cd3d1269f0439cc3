import { describe, expect, test, vi } from "vitest";
import { failsToStop, Fault, Gate, override, stopsBehind } from "../test/provider-doubles.ts";
import {
  eventOf,
  ManualClock,
  openManager,
  runningKeys,
  settle,
  statusOf,
} from "../test/test-manager.ts";

const HALF_HOUR = 30 * 60 * 1000;

describe("cleanupIdle", () => {
  test("puts to sleep what was idle for idleTimeoutMs, half an hour where nothing is said", async () => {
    await using setup = await openManager();
    const { manager, clock, provider, events } = setup;
    const id = await manager.createSession({ userId: "alice" });
    clock.advance(HALF_HOUR - 1);
    await manager.getOrCreate("bob");
    expect(await manager.cleanupIdle()).toBe(0);
    clock.advance(1);
    expect(await manager.cleanupIdle()).toBe(1);
    expect(await runningKeys(provider)).toEqual(["bob"]);
    expect(events.at(-1)).toMatchObject({ type: "session-slept", sessionId: id });
    expect(await manager.cleanupIdle()).toBe(0);
  });

  test("takes another limit for one pass", async () => {
    await using setup = await openManager({ idleTimeoutMs: 1000 });
    const { manager, clock } = setup;
    await manager.getOrCreate("alice");
    clock.advance(500);
    expect(await manager.cleanupIdle()).toBe(0);
    expect(await manager.cleanupIdle(Number.POSITIVE_INFINITY)).toBe(0);
    expect(await manager.cleanupIdle(500)).toBe(1);
  });

  test("counts the sessions that share a sandbox, each of which hears of it", async () => {
    await using setup = await openManager();
    const { manager, events } = setup;
    const ids = [
      await manager.createSession({ userId: "alice" }),
      await manager.createSession({ userId: "alice" }),
    ];
    expect(await manager.cleanupIdle(0)).toBe(2);
    expect(events.slice(-2)).toEqual(
      ids.map((sessionId) => ({
        type: "session-slept",
        sessionId,
        key: "alice",
        reason: "idle",
      })),
    );
    expect(manager.sessionCount).toBe(0);
  });

  test("spares a sandbox that another session of the user works in", async () => {
    await using setup = await openManager();
    const { manager, clock, provider } = setup;
    await manager.createSession({ userId: "alice" });
    const active = await manager.getOrCreate("alice");
    clock.advance(HALF_HOUR);
    await active.stat(".");
    expect(await manager.cleanupIdle()).toBe(0);
    expect(await statusOf(provider, "alice")).toBe("running");
  });

  test("counts the end of a long command as activity, not its start", async () => {
    await using setup = await openManager();
    const { manager, clock } = setup;
    const sandbox = await manager.getOrCreate("alice");
    const process = await sandbox.spawn("cat", { stdin: "open" });
    clock.advance(HALF_HOUR * 10);
    await process.closeStdin();
    await process.result;
    await settle();
    expect(await manager.cleanupIdle()).toBe(0);
    clock.advance(HALF_HOUR);
    expect(await manager.cleanupIdle()).toBe(1);
  });

  test("spares commands that nobody here holds: another process may wait for them", async () => {
    await using setup = await openManager();
    const { manager, provider } = setup;
    await manager.getOrCreate("alice");
    const process = await (await provider.find("alice"))!.spawn("cat", { stdin: "open" });
    expect(await manager.cleanupIdle(0)).toBe(0);
    await process.kill();
    expect(await manager.cleanupIdle(0)).toBe(1);
  });

  test("does not depend on wall time, which people set", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    await manager.getOrCreate("alice");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 24 * 60 * 60 * 1000 });
    try {
      expect(await manager.cleanupIdle()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test("looks again right before it stops: who came meanwhile is not stopped", async () => {
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    await using setup = await openManager({
      wrap: (provider) =>
        override(provider, {
          create: async (key, options) => {
            const sandbox = await provider.create(key, options);
            return override(sandbox, {
              processes: async () => {
                asked.resolve();
                await gate.promise;
                return [];
              },
            });
          },
        }),
    });
    const { manager, provider } = setup;
    const sandbox = await manager.getOrCreate("alice");
    const cleanup = manager.cleanupIdle(0);
    await asked.promise;
    const command = sandbox.execute("sleep 0.2; echo done");
    gate.resolve();
    expect(await cleanup).toBe(0);
    expect(await command).toMatchObject({ outcome: "exited", stdout: "done\n" });
    expect(await statusOf(provider, "alice")).toBe("running");
  });

  test("makes a caller that comes while the sandbox stops wait, and then wakes it", async () => {
    const gate = new Gate();
    await using setup = await openManager({
      wrap: (provider) => stopsBehind(provider, gate),
    });
    const { manager, events } = setup;
    const sandbox = await manager.getOrCreate("alice");
    const cleanup = manager.cleanupIdle(0);
    await gate.reached;
    const write = sandbox.write("a.txt", "a");
    gate.open();
    expect(await cleanup).toBe(1);
    expect(await write).toMatchObject({ created: true });
    expect(events.map(({ type }) => type)).toEqual([
      "session-opened",
      "session-slept",
      "session-woken",
    ]);
  });

  test("a stop that fails strands nobody: the others sleep, it is reported and tried again", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({ wrap: (provider) => failsToStop(provider, fault) });
    const { manager, provider, events } = setup;
    await Promise.all(["a", "b", "c"].map((key) => manager.getOrCreate(key)));
    expect(await manager.cleanupIdle(0)).toBe(2);
    const failure = events.find(({ type }) => type === "stop-failed");
    expect(failure).toMatchObject({ error: { code: "unavailable" } });
    expect(await runningKeys(provider)).toHaveLength(1);
    expect([...manager.sessions.keys()]).toEqual(await runningKeys(provider));
    expect(await manager.cleanupIdle(0)).toBe(1);
    expect(await runningKeys(provider)).toEqual([]);
  });

  test("a session whose stop failed can be used on", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({ wrap: (provider) => failsToStop(provider, fault) });
    const sandbox = await setup.manager.getOrCreate("alice");
    await setup.manager.cleanupIdle(0);
    await sandbox.write("a.txt", "a");
    expect(setup.manager.describe("alice")?.state).toBe("running");
  });

  test("stops no more than sixteen at a time", async () => {
    const gate = Promise.withResolvers<void>();
    let under = 0;
    let most = 0;
    await using setup = await openManager({
      wrap: (provider) =>
        override(provider, {
          create: async (key, options) => {
            const sandbox = await provider.create(key, options);
            const stop = async (): Promise<void> => {
              most = Math.max(most, ++under);
              await gate.promise;
              under -= 1;
              await sandbox.stop();
            };
            return override(sandbox, { stop });
          },
        }),
    });
    const { manager } = setup;
    await Promise.all(Array.from({ length: 40 }, (_, index) => manager.getOrCreate(`u${index}`)));
    const cleanup = manager.cleanupIdle(0);
    await expect.poll(() => under).toBe(16);
    await settle();
    gate.resolve();
    expect(await cleanup).toBe(40);
    expect(most).toBe(16);
  });
});

describe("the clean-up loop", () => {
  test("puts idle sessions to sleep by itself, and survives a pass that fails", async () => {
    const clock = new ManualClock();
    let broken = false;
    const now = (): number => {
      if (broken) throw new Error("no clock");
      return clock.now();
    };
    await using setup = await openManager({ clock: { now } });
    const { manager, provider } = setup;
    await manager.getOrCreate("alice");
    broken = true;
    const failed = eventOf(manager, "cleanup-failed");
    manager.startCleanupLoop(1);
    expect(await failed).toMatchObject({ error: new Error("no clock") });
    broken = false;
    const slept = eventOf(manager, "session-slept");
    clock.advance(HALF_HOUR);
    await slept;
    await manager.stopCleanupLoop();
    expect(await runningKeys(provider)).toEqual([]);
  });
});
