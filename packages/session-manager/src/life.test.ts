import { describe, expect, test, vi } from "vitest";
import { FakeProvider } from "../test/fake-provider.ts";
import { Installation } from "../test/many-managers.ts";
import { ManualClock, rejection } from "../test/test-manager.ts";
import { MemorySessionStore } from "./memory-session-store.ts";
import type { SessionManagerOptions } from "./session-manager-options.ts";
import { SessionManager } from "./session-manager.ts";
import { MAX_PRUNED_EVENTS } from "./session-store.ts";

const MINUTE = 60_000;
const HALF_HOUR = 30 * MINUTE;
const DAY = 24 * 60 * MINUTE;

describe("two depths of sleep", () => {
  test("idle for five minutes pauses, for half an hour stops, and any call wakes from both", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const { manager, events } = installation.start();
    const sandbox = await manager.getOrCreate("alice");
    clock.advance(5 * MINUTE);
    expect(await manager.cleanupIdle()).toBe(0);
    expect(provider.statuses()).toEqual({ alice: "paused" });
    expect(manager.describe("alice")?.state).toBe("paused");
    expect(manager.sessionCount).toBe(1);
    await sandbox.execute("true");
    expect(provider.statuses()).toEqual({ alice: "running" });
    clock.advance(5 * MINUTE);
    await manager.cleanupIdle();
    clock.advance(25 * MINUTE - 1);
    expect(await manager.cleanupIdle()).toBe(0);
    clock.advance(1);
    expect(await manager.cleanupIdle()).toBe(1);
    expect(provider.statuses()).toEqual({ alice: "stopped" });
    await sandbox.write("a.txt", "a");
    expect(manager.describe("alice")?.state).toBe("running");
    expect(
      events
        .filter(({ type }) => type.startsWith("session-"))
        .map((event) => [event.type, "reason" in event ? event.reason : null]),
    ).toEqual([
      ["session-opened", null],
      ["session-paused", null],
      ["session-woken", null],
      ["session-paused", null],
      ["session-slept", "idle"],
      ["session-woken", null],
    ]);
  });

  test("calls that must not be repeated wake it as well", async () => {
    await using installation = new Installation();
    const { manager } = installation.start();
    const sandbox = await manager.getOrCreate("alice");
    installation.clock.advance(5 * MINUTE);
    await manager.cleanupIdle();
    expect(await rejection(sandbox.edit("a.txt", "a", "b"))).toMatchObject({ code: "unsupported" });
    expect(installation.provider.statuses()).toEqual({ alice: "running" });
  });

  test("a lease keeps from pausing", async () => {
    await using installation = new Installation();
    const { manager } = installation.start();
    await manager.getOrCreate("alice");
    using _turn = manager.lease("alice");
    installation.clock.advance(DAY);
    expect(await manager.cleanupIdle()).toBe(0);
    expect(installation.provider.statuses()).toEqual({ alice: "running" });
  });
});

describe("work that nobody here holds", () => {
  test("that uses the processor keeps awake, and idleness begins when it ends", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const { manager } = installation.start({ pauseAfterMs: Infinity });
    await manager.getOrCreate("alice");
    clock.advance(HALF_HOUR);
    expect(await manager.cleanupIdle(0)).toBe(1);
    await manager.getOrCreate("alice");
    for (let pass = 1; pass <= 3; pass++) {
      clock.advance(HALF_HOUR);
      // Two percent of the time.
      provider.cpuMs.set("alice", pass * 0.02 * HALF_HOUR);
      expect(await manager.cleanupIdle()).toBe(0);
    }
    clock.advance(HALF_HOUR - 1);
    expect(await manager.cleanupIdle()).toBe(0);
    clock.advance(1);
    expect(await manager.cleanupIdle()).toBe(1);
  });

  test("without an earlier sample is found by two that lie half a second apart", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const { manager } = installation.start();
    await manager.getOrCreate("alice");
    let cpuMs = 0;
    provider.cpuMs.get = () => (cpuMs += 100);
    clock.advance(HALF_HOUR);
    expect(await manager.cleanupIdle()).toBe(0);
    expect(provider.statuses()).toEqual({ alice: "running" });
  });

  test("is not what looking for it takes: an idle sandbox of many files sleeps", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const { manager } = installation.start();
    await manager.getOrCreate("alice");
    clock.advance(HALF_HOUR);
    expect(await manager.cleanupIdle()).toBe(1);
    expect(provider.statuses()).toEqual({ alice: "stopped" });
  });

  test("counts for one day after the last call, and not at all where it is ignored", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    let cpuMs = 0;
    provider.cpuMs.get = () => (cpuMs += 1e9);
    const strict = installation.start({ backgroundWork: "ignored", pauseAfterMs: Infinity });
    const kind = installation.start({ pauseAfterMs: Infinity });
    await strict.manager.getOrCreate("bob");
    await kind.manager.getOrCreate("alice");
    clock.advance(HALF_HOUR);
    expect(await strict.manager.cleanupIdle()).toBe(1);
    expect(await kind.manager.cleanupIdle()).toBe(0);
    clock.advance(DAY - HALF_HOUR - 1);
    expect(await kind.manager.cleanupIdle()).toBe(0);
    clock.advance(HALF_HOUR);
    expect(await kind.manager.cleanupIdle()).toBe(1);
  });
});

describe("retention", () => {
  test("a session that is too old ends, though somebody uses it", async () => {
    await using installation = new Installation();
    const { clock } = installation;
    const { manager, events } = installation.start({ maxLifetimeMs: DAY });
    const id = await manager.createSession();
    using _turn = manager.lease(id);
    clock.advance(DAY - MINUTE);
    expect(await manager.cleanupIdle()).toBe(0);
    clock.advance(MINUTE);
    expect(await manager.cleanupIdle()).toBe(1);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "session-ended", sessionId: id, reason: "too-old" }),
    );
    expect(installation.provider.statuses()).toEqual({});
  });

  test("sessions of an earlier process end as well, by when they were last used", async () => {
    await using installation = new Installation();
    const { clock, store } = installation;
    const [before, after] = [installation.start(), installation.start()];
    await before.manager.getOrCreate("old");
    await before.manager.createSession();
    clock.advance(6 * DAY);
    await before.manager.getOrCreate("young");
    await before.manager.shutdown();
    clock.advance(DAY);
    expect(await after.manager.cleanupIdle()).toBe(2);
    expect((await store.list({ limit: 10 })).map(({ id }) => id)).toEqual(["young"]);
    expect([...installation.provider.files.keys()].toSorted()).toEqual(["old", "young"]);
    clock.advance(6 * DAY);
    expect(await after.manager.cleanupIdle()).toBe(1);
  });

  test("a container goes a week after its user, the files later and only where asked", async () => {
    await using installation = new Installation();
    const { clock, provider, store } = installation;
    const { manager, events } = installation.start({ workspaceRetentionMs: 30 * DAY });
    await (await manager.getOrCreate("alice")).write("kept.txt", "kept");
    await manager.release("alice");
    await manager.getOrCreate("bob");
    // A use counts as later than the opening, by a millisecond at least.
    clock.advance(7 * DAY - 1000);
    await manager.cleanupIdle();
    expect(provider.statuses()).toMatchObject({ alice: "stopped" });
    await manager.getOrCreate("bob");
    clock.advance(2000);
    await manager.cleanupIdle();
    expect(Object.keys(provider.statuses())).toEqual(["bob"]);
    expect(provider.files.get("alice")).toEqual(new Set(["kept.txt"]));
    expect(events).toContainEqual({ type: "sandbox-discarded", key: "alice" });
    await (await manager.getOrCreate("alice")).stat("kept.txt");
    await manager.release("alice");
    clock.advance(30 * DAY + 1000);
    await manager.cleanupIdle();
    expect(provider.files.has("alice")).toBe(false);
    expect(await store.workspace("alice")).toBeNull();
  });

  test("what is used is neither discarded nor deleted", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const { manager } = installation.start({
      containerRetentionMs: 0,
      workspaceRetentionMs: 0,
      sessionRetentionMs: Infinity,
    });
    await (await manager.getOrCreate("alice")).write("kept.txt", "kept");
    await manager.getOrCreate("asleep");
    clock.advance(1000);
    await (await manager.getOrCreate("alice")).stat(".");
    expect(await manager.cleanupIdle(1000)).toBe(1);
    expect(provider.statuses()).toEqual({ alice: "running", asleep: "stopped" });
    expect(provider.files.get("alice")).toEqual(new Set(["kept.txt"]));
  });
});

describe("a wall clock that jumps", () => {
  test("a month ahead deletes nobody's files, which go when they are old enough", async () => {
    using _wall = fakeWallClock();
    const { provider, clock, manager } = openOnWallClock({ workspaceRetentionMs: 30 * DAY });
    const users = ["u1", "u2", "u3"];
    for (const user of users) {
      await manager.getOrCreate(user);
      await manager.release(user);
    }
    const pass = async (elapsedMs: number): Promise<string[]> => {
      clock.advance(elapsedMs);
      vi.setSystemTime(Date.now() + elapsedMs);
      await manager.cleanupIdle();
      return [...provider.files.keys()];
    };
    expect(await pass(MINUTE)).toEqual(users);
    vi.setSystemTime(Date.now() + 31 * DAY);
    expect(await pass(MINUTE)).toEqual(users);
    expect(await pass(MINUTE)).toEqual(users);
    // Used after the jump, by the clock that jumped.
    await manager.getOrCreate("u3");
    await manager.release("u3");
    expect(await pass(29 * DAY)).toEqual(users);
    expect(await pass(DAY)).toEqual(["u3"]);
    await manager.shutdown();
  });

  test("gives up no container, and ends no session", async () => {
    using _wall = fakeWallClock();
    const { provider, store, manager } = openOnWallClock({ maxLifetimeMs: 30 * DAY });
    await manager.getOrCreate("alice");
    await manager.release("alice");
    await manager.getOrCreate("bob");
    await manager.createSession();
    expect(await manager.cleanupIdle(0)).toBe(2);
    vi.setSystemTime(Date.now() + 31 * DAY);
    expect(await manager.cleanupIdle()).toBe(0);
    expect(provider.machines.size).toBe(3);
    expect(await store.count()).toBe(2);
    await manager.shutdown();
  });
});

function fakeWallClock(): Disposable {
  vi.useFakeTimers({ toFake: ["Date"] });
  return { [Symbol.dispose]: () => void vi.useRealTimers() };
}

/** A manager whose store goes by the wall clock, as databases do. */
function openOnWallClock(options: Partial<SessionManagerOptions>): {
  provider: FakeProvider;
  store: MemorySessionStore;
  clock: ManualClock;
  manager: SessionManager;
} {
  const [provider, store, clock] = [
    new FakeProvider(),
    new MemorySessionStore(),
    new ManualClock(),
  ];
  const manager = new SessionManager({ provider, store, clock, ...options });
  return { provider, store, clock, manager };
}

describe("purge", () => {
  test("deletes all that a user has, and nothing of others", async () => {
    await using installation = new Installation();
    const { provider, store } = installation;
    const earlier = installation.start();
    await (await earlier.manager.getOrCreate("alice")).write("a.txt", "a");
    await earlier.manager.shutdown();
    const { manager } = installation.start();
    const own = await manager.createSession({ userId: "alice", scope: "session" });
    await manager.createSession({ userId: "alice" });
    await manager.getOrCreate("bob");
    expect(await manager.purge("alice")).toBe(true);
    expect(provider.statuses()).toEqual({ bob: "running" });
    expect([...provider.files.keys()]).toEqual(["bob"]);
    expect((await store.list({ limit: 10 })).map(({ id }) => id)).toEqual(["bob"]);
    expect([await store.workspace("alice"), await store.workspace(own)]).toEqual([null, null]);
    expect(await manager.purge("alice")).toBe(false);
    expect(await (await manager.getOrCreate("alice")).stat("a.txt")).toBeNull();
  });

  test("deletes the log's lines of a user, also those that were still to be written", async () => {
    await using installation = new Installation();
    const { store } = installation;
    const { manager } = installation.start({ storeIntervalMs: 5 });
    await manager.getOrCreate("alice");
    const own = await manager.createSession({ userId: "alice", scope: "session" });
    await manager.getOrCreate("bob");
    await expect.poll(async () => (await store.events({ limit: 10 })).length).toBe(6);
    const many = { type: "start-failed", sessionId: "alice", key: "alice", detail: {} };
    await store.log(Array.from({ length: 2000 }, () => many));
    expect(await manager.purge("alice")).toBe(true);
    await manager.shutdown();
    for (const key of ["alice", own]) expect(await store.events({ key, limit: 10 })).toEqual([]);
    expect(await store.events({ key: "bob", limit: 10 })).toHaveLength(2);
  });

  test("goes on until all lines are deleted, however many a call deletes", async () => {
    await using installation = new Installation();
    const { manager, store } = installation.start();
    const answers = [MAX_PRUNED_EVENTS, MAX_PRUNED_EVENTS, 1, 0];
    installation.store.forgetEvents = async () => answers.shift() ?? 0;
    expect(await manager.purge("alice")).toBe(true);
    expect(store.calls.filter((name) => name === "forgetEvents")).toHaveLength(3);
  });

  test("waits for another manager that has the sandbox awake", async () => {
    await using installation = new Installation();
    const user = installation.start({ storeIntervalMs: 10 });
    const admin = installation.start();
    await user.manager.getOrCreate("alice");
    expect(await admin.manager.purge("alice")).toBe(true);
    expect(installation.provider.statuses()).toEqual({});
    expect(user.manager.has("alice")).toBe(false);
  });

  test.each(["", "ses_x"])("refuses %j", async (id) => {
    await using installation = new Installation();
    const { manager } = installation.start();
    await expect(manager.purge(id)).rejects.toMatchObject({ code: "invalid-argument" });
  });
});
