import { describe, expect, test } from "vitest";
import { Fault, override } from "../test/provider-doubles.ts";
import { eventOf, openManager, openProvider, statusOf } from "../test/test-manager.ts";
import { SessionManager } from "./session-manager.ts";
import { MemorySessionStore } from "./memory-session-store.ts";

const WEEK = 7 * 24 * 60 * 60 * 1000;

describe("sessions that nobody comes back to", () => {
  test("end after seven days asleep, which clean-up counts; a user's files are kept", async () => {
    await using setup = await openManager();
    const { manager, clock, provider, events } = setup;
    const id = await manager.createSession({ userId: "alice" });
    await (await manager.getSession(id)).write("kept.txt", "kept");
    expect(await manager.cleanupIdle(0)).toBe(1);
    clock.advance(WEEK - 1);
    expect(await manager.cleanupIdle()).toBe(0);
    clock.advance(1);
    expect(await manager.cleanupIdle()).toBe(1);
    expect(events.at(-1)).toMatchObject({ type: "session-ended", sessionId: id });
    expect(manager.has(id)).toBe(false);
    await expect(manager.getSession(id)).rejects.toMatchObject({ code: "not-found" });
    expect(await statusOf(provider, "alice")).toBe("stopped");
    expect(await (await manager.getOrCreate("alice")).stat("kept.txt")).not.toBeNull();
  });

  test("of scope session lose their workspace, a full retention time after they slept", async () => {
    await using setup = await openManager({ sessionRetentionMs: 1000 });
    const { manager, clock, provider } = setup;
    await manager.createSession();
    clock.advance(5000);
    expect(await manager.cleanupIdle(0)).toBe(1);
    clock.advance(999);
    expect(await manager.cleanupIdle(0)).toBe(0);
    clock.advance(1);
    expect(await manager.cleanupIdle(0)).toBe(1);
    expect(await provider.list()).toEqual([]);
  });

  test("make room for others", async () => {
    await using setup = await openManager({ maxOpenSessions: 1, sessionRetentionMs: 1000 });
    const { manager, clock } = setup;
    await manager.getOrCreate("alice");
    await manager.cleanupIdle(0);
    await expect(manager.getOrCreate("bob")).rejects.toMatchObject({ code: "capacity" });
    clock.advance(1000);
    await manager.cleanupIdle();
    await manager.getOrCreate("bob");
  });

  test("are not those whose sandbox is awake, or that have a lease", async () => {
    await using setup = await openManager({ sessionRetentionMs: 1000 });
    const { manager, clock } = setup;
    const leased = await manager.createSession({ userId: "alice" });
    await manager.cleanupIdle(0);
    const awake = await manager.createSession({ userId: "bob" });
    const lease = manager.lease(leased);
    clock.advance(1000);
    expect(await manager.cleanupIdle(Number.POSITIVE_INFINITY)).toBe(0);
    expect([manager.has(leased), manager.has(awake)]).toEqual([true, true]);
    lease[Symbol.dispose]();
    expect(await manager.cleanupIdle(Number.POSITIVE_INFINITY)).toBe(0);
    clock.advance(1000);
    expect(await manager.cleanupIdle(Number.POSITIVE_INFINITY)).toBe(1);
    expect([manager.has(leased), manager.has(awake)]).toEqual([false, true]);
  });

  test("end one by one: a user who comes every day keeps only those in use", async () => {
    await using setup = await openManager({ sessionRetentionMs: 1000 });
    const { manager, clock } = setup;
    const old = await manager.createSession({ userId: "alice" });
    const used = await manager.createSession({ userId: "alice" });
    clock.advance(1000);
    await (await manager.getSession(used)).stat(".");
    await manager.cleanupIdle(0);
    expect(await manager.cleanupIdle(0)).toBe(1);
    expect([manager.has(old), manager.has(used)]).toEqual([false, true]);
  });

  test("are looked at again right before the end: who came meanwhile goes on", async () => {
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let watching = false;
    await using setup = await openManager({
      sessionRetentionMs: 1000,
      wrap: (provider) =>
        override(provider, {
          find: async (key) => {
            if (watching) {
              asked.resolve();
              await gate.promise;
            }
            return provider.find(key);
          },
        }),
    });
    const { manager, clock } = setup;
    const id = await manager.createSession();
    const sandbox = await manager.getSession(id);
    await sandbox.write("a.txt", "a");
    await manager.cleanupIdle(0);
    clock.advance(1000);
    watching = true;
    const cleanup = manager.cleanupIdle(0);
    await asked.promise;
    const stat = sandbox.stat("a.txt");
    gate.resolve();
    expect(await cleanup).toBe(0);
    expect(await stat).not.toBeNull();
    expect(manager.describe(id)?.state).toBe("running");
  });

  test("whose end fails are reported, and the next pass tries again", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({
      sessionRetentionMs: 1000,
      wrap: (provider) =>
        override(provider, {
          remove: async (key, options) => {
            fault.strike("remove");
            return provider.remove(key, options);
          },
        }),
    });
    const { manager, clock, provider, events } = setup;
    const id = await manager.createSession();
    await manager.cleanupIdle(0);
    clock.advance(1000);
    expect(await manager.cleanupIdle()).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: "stop-failed", sessionId: id });
    expect(manager.describe(id)?.state).toBe("ending");
    expect(await manager.cleanupIdle()).toBe(1);
    expect(await provider.list()).toEqual([]);
  });

  test("are kept while another manager has the sandbox awake", async () => {
    const store = new MemorySessionStore();
    await using setup = await openManager({ store, sessionRetentionMs: 1000 });
    const { manager, clock, provider } = setup;
    const id = await manager.createSession();
    await manager.cleanupIdle(0);
    await using other = new SessionManager({ provider, store });
    await (await other.getSession(id)).write("a.txt", "a");
    clock.advance(1000);
    expect(await manager.cleanupIdle()).toBe(0);
    await other.cleanupIdle(0);
    expect(await manager.cleanupIdle()).toBe(1);
    await expect(other.getSession(id)).rejects.toMatchObject({ code: "not-found" });
  });

  test("never end where the retention time is infinite", async () => {
    await using setup = await openManager({ sessionRetentionMs: Number.POSITIVE_INFINITY });
    const { manager, clock } = setup;
    await manager.getOrCreate("alice");
    await manager.cleanupIdle(0);
    clock.advance(WEEK * 1000);
    expect(await manager.cleanupIdle(0)).toBe(0);
    expect(manager.has("alice")).toBe(true);
  });

  test("end in the clean-up loop as well", async () => {
    await using setup = await openManager({ sessionRetentionMs: 1000 });
    const { manager, clock } = setup;
    await manager.getOrCreate("alice");
    await manager.cleanupIdle(0);
    clock.advance(1000);
    const ended = eventOf(manager, "session-ended");
    manager.startCleanupLoop(1);
    expect(await ended).toMatchObject({ sessionId: "alice" });
  });

  test.each([-1, Number.NaN])("a retention time of %d is refused", async (sessionRetentionMs) => {
    await using provider = await openProvider();
    expect(() => new SessionManager({ provider, sessionRetentionMs })).toThrow(
      "sessionRetentionMs",
    );
  });
});
