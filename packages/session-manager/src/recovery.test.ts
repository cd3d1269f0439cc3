import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { Installation } from "../test/many-managers.ts";
import { Gate } from "../test/provider-doubles.ts";
import { swappable } from "../test/store-doubles.ts";
import { rejection } from "../test/test-manager.ts";
import { MemorySessionStore } from "./memory-session-store.ts";
import { SessionManager } from "./session-manager.ts";

const TTL = 30_000;
const NOTHING = { adopted: 0, stopped: 0, removed: 0, closed: 0, failed: 0, complete: true };

describe("a restart", () => {
  test("keeps all sessions and their files", async () => {
    await using installation = new Installation();
    const before = installation.start();
    const id = await before.manager.createSession({ userId: "alice" });
    await (await before.manager.getSession(id)).write("a.txt", "a");
    const own = await before.manager.createSession();
    await before.manager.shutdown();
    const after = installation.start();
    expect(await after.manager.recover()).toEqual(NOTHING);
    expect(await (await after.manager.getSession(id)).stat("a.txt")).not.toBeNull();
    await after.manager.getSession(own);
    expect(after.manager.describe(id)).toMatchObject({ userId: "alice", state: "running" });
  });

  test("lets go of all residencies: the next manager need not wait for them", async () => {
    await using installation = new Installation();
    const before = installation.start();
    await before.manager.getOrCreate("alice");
    await before.manager.shutdown();
    const after = installation.start({ maxResidentSandboxes: 1 });
    await after.manager.getOrCreate("bob");
  });
});

describe("after a crash", () => {
  test("what is awake and has a session is adopted, and sleeps in time", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const crashed = installation.start();
    await (await crashed.manager.getOrCreate("alice")).write("a.txt", "a");
    const own = await crashed.manager.createSession();
    await crashed.manager.getOrCreate("frozen");
    clock.advance(5 * 60_000);
    await crashed.manager.getOrCreate("alice");
    await crashed.manager.getSession(own);
    await crashed.manager.cleanupIdle();
    crashed.kill();
    clock.advance(TTL);
    const { manager, events } = installation.start();
    expect(await manager.recover()).toEqual({ ...NOTHING, adopted: 3 });
    expect(events.filter(({ type }) => type === "session-adopted")).toHaveLength(3);
    expect(manager.describe("frozen")?.state).toBe("paused");
    expect(manager.sessionCount).toBe(3);
    expect(await (await manager.getOrCreate("alice")).stat("a.txt")).not.toBeNull();
    clock.advance(30 * 60_000);
    expect(await manager.cleanupIdle()).toBe(3);
    expect(provider.statuses()).toEqual({ alice: "stopped", [own]: "stopped", frozen: "stopped" });
  });

  test("a manager that knows to be alone need not wait until the dead are believed to be so", async () => {
    await using installation = new Installation();
    const { store } = installation;
    const crashed = installation.start();
    await crashed.manager.getOrCreate("alice");
    crashed.kill();
    // Another one died while it put a sandbox to sleep.
    await store.beat("dead", TTL);
    expect(await store.beginChange("bob", "dead")).toBe(true);
    const { manager } = installation.start();
    expect(await manager.recover({ alone: true })).toMatchObject({ adopted: 1, failed: 0 });
    await manager.getOrCreate("bob");
    expect(manager.sessionCount).toBe(2);
  });

  test("what another manager that lives uses is left alone", async () => {
    await using installation = new Installation();
    const living = installation.start();
    await living.manager.getOrCreate("alice");
    const { manager } = installation.start();
    expect(await manager.recover()).toEqual(NOTHING);
    expect(manager.sessionCount).toBe(0);
    expect(await living.manager.cleanupIdle(0)).toBe(1);
  });

  test("orphans of each kind are cleared, and strangers' files stay", async () => {
    await using installation = new Installation();
    const { provider, store, clock } = installation;
    const crashed = installation.start();
    const reachable = await crashed.manager.createSession();
    const left = await crashed.manager.createSession();
    await crashed.manager.cleanupIdle(0);
    crashed.kill();
    // The crash came between the end of a session and the deletion of its workspace.
    await store.close(left);
    await provider.create("runs without a session");
    await (await provider.create("sleeps without a session")).stop();
    await provider.create(`ses_${"r".repeat(24)}`);
    await (await provider.create(`ses_${"u".repeat(24)}`)).stop();
    await (await provider.create("frozen without a session")).pause?.();
    clock.advance(TTL);
    const { manager, events } = installation.start();
    expect(await manager.recover()).toEqual({ ...NOTHING, stopped: 3, removed: 1 });
    expect(provider.statuses()).toEqual({
      "runs without a session": "stopped",
      "sleeps without a session": "stopped",
      "frozen without a session": "stopped",
      [reachable]: "stopped",
      // The store never knew these: this may be the wrong store.
      [`ses_${"r".repeat(24)}`]: "stopped",
      [`ses_${"u".repeat(24)}`]: "stopped",
    });
    expect(await store.workspace(left)).toBeNull();
    expect(
      events.flatMap((event) => (event.type === "orphan-cleared" ? [event.how] : [])).toSorted(),
    ).toEqual(["stopped", "stopped", "stopped"]);
    expect(await manager.recover()).toEqual(NOTHING);
  });

  test("one that runs and whose session ended amid the crash goes with its files", async () => {
    await using installation = new Installation();
    const { provider, store, clock } = installation;
    const crashed = installation.start();
    const ended = await crashed.manager.createSession();
    crashed.kill();
    await store.close(ended);
    clock.advance(TTL);
    const { manager, events } = installation.start();
    expect(await manager.recover()).toEqual({ ...NOTHING, removed: 1 });
    expect(events).toContainEqual({ type: "orphan-cleared", key: ended, how: "removed" });
    expect(provider.files.has(ended)).toBe(false);
    expect(await store.workspace(ended)).toBeNull();
  });

  test.each(["before the sandbox was made", "after it was made"])(
    "an opening that was cut short %s gives its place back",
    async (when) => {
      await using installation = new Installation();
      const { provider, store, clock } = installation;
      const crashed = installation.start({ maxOpenSessions: 2 });
      const gate = new Gate();
      const arrived = Promise.withResolvers<void>();
      provider.beforeCreate = () => {
        arrived.resolve();
        return when.startsWith("before") ? gate.pass() : Promise.resolve();
      };
      void rejection(crashed.manager.createSession()).catch(() => undefined);
      void rejection(crashed.manager.getOrCreate("alice")).catch(() => undefined);
      await arrived.promise;
      crashed.kill();
      expect(await store.count()).toBe(2);
      clock.advance(TTL);
      const { manager } = installation.start({ maxOpenSessions: 2 });
      const { closed } = await manager.recover();
      expect(closed).toBe(2);
      expect(await store.count()).toBe(0);
      expect(Object.values(provider.statuses())).not.toContain("running");
      expect(Object.keys(provider.statuses()).filter((key) => key !== "alice")).toEqual([]);
      provider.beforeCreate = async () => {};
      await manager.getOrCreate("alice");
      await manager.createSession();
    },
  );

  test("an opening under way at another manager is not taken for one", async () => {
    await using installation = new Installation();
    const gate = new Gate();
    installation.provider.beforeCreate = () => gate.pass();
    const opener = installation.start();
    const opening = opener.manager.getOrCreate("alice");
    await gate.reached;
    const { manager } = installation.start();
    expect(await manager.recover()).toEqual(NOTHING);
    gate.open();
    await opening;
    expect(await installation.store.get("alice")).toMatchObject({ state: "open" });
  });

  test("users are served meanwhile, and nothing is adopted twice", async () => {
    await using installation = new Installation();
    const { provider, clock } = installation;
    const crashed = installation.start();
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    await Promise.all(users.map((user) => crashed.manager.getOrCreate(user)));
    crashed.kill();
    clock.advance(TTL);
    const { manager } = installation.start();
    const [report] = await Promise.all([
      manager.recover(),
      ...users.slice(0, 20).map(async (user) => (await manager.getOrCreate(user)).execute("true")),
    ]);
    expect(report.failed).toBe(0);
    expect(manager.sessionCount).toBe(40);
    expect(provider.machines.size).toBe(40);
    expect(await manager.cleanupIdle(0)).toBe(40);
  });

  test("one that cannot be stopped is reported, the others are, and the next look tries again", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const stuck = await provider.create("stuck");
    await provider.create("orphan");
    const broken = new SandboxError({ code: "unavailable", message: "on purpose" });
    let failures = 1;
    const find = provider.find.bind(provider);
    provider.find = async (key) => {
      if (key === "stuck" && failures-- > 0) throw broken;
      return find(key);
    };
    const { manager, events } = installation.start();
    expect(await manager.recover()).toEqual({ ...NOTHING, stopped: 1, failed: 1 });
    expect(events).toContainEqual({
      type: "stop-failed",
      sessionId: null,
      key: "stuck",
      error: broken,
    });
    await manager.cleanupIdle(0);
    expect(await stuck.status()).toBe("stopped");
  });

  test("1,000 that sleep and 200 that run are looked at in seconds", async () => {
    await using installation = new Installation();
    const { provider, clock } = installation;
    const crashed = installation.start({ backgroundWork: "ignored" });
    const open = async (count: number, name: string): Promise<void> => {
      const keys = Array.from({ length: count }, (_, index) => `${name}-${index}`);
      await Promise.all(keys.map((key) => crashed.manager.getOrCreate(key)));
    };
    for (const batch of ["a", "b", "c", "d"]) {
      await open(250, batch);
      await crashed.manager.cleanupIdle(0);
    }
    await open(200, "awake");
    crashed.kill();
    clock.advance(TTL);
    const startedAt = performance.now();
    const { manager } = installation.start();
    expect(await manager.recover()).toEqual({ ...NOTHING, adopted: 200 });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(provider.machines.size).toBe(1200);
  });

  test("can be aborted", async () => {
    await using installation = new Installation();
    await installation.provider.create("orphan");
    const { manager } = installation.start();
    expect(await rejection(manager.recover({ signal: AbortSignal.abort() }))).toMatchObject({
      code: "aborted",
    });
    expect(installation.provider.statuses()).toEqual({ orphan: "running" });
  });
});

describe("a database that was lost", () => {
  test("costs nobody the files: what runs is stopped, at each start anew", async () => {
    await using installation = new Installation();
    const { provider, clock } = installation;
    const crashed = installation.start();
    const running = await crashed.manager.createSession();
    const frozen = await crashed.manager.createSession();
    for (const id of [running, frozen]) {
      await (await crashed.manager.getSession(id)).write("thesis.txt", "months of work");
    }
    await (await provider.find(frozen))?.pause?.();
    crashed.kill();
    const store = new MemorySessionStore();
    for (const stopped of [2, 0]) {
      await using manager = new SessionManager({ provider, store, clock });
      expect(await manager.recover()).toEqual({ ...NOTHING, stopped });
      clock.advance(365 * 24 * 60 * 60 * 1000);
      await manager.cleanupIdle();
    }
    expect(provider.statuses()).toEqual({ [running]: "stopped", [frozen]: "stopped" });
    expect([...provider.files.values()].map((files) => [...files])).toEqual([
      ["thesis.txt"],
      ["thesis.txt"],
    ]);
  });

  test("while the server runs: sandboxes are stopped, the ids are unknown, and the files stay", async () => {
    await using installation = new Installation();
    const { provider, clock } = installation;
    const lost = new MemorySessionStore();
    const server = swappable(lost);
    await using manager = new SessionManager({
      provider,
      clock,
      store: server.store,
      storeIntervalMs: 5,
    });
    const id = await manager.createSession();
    server.current = new MemorySessionStore();
    await expect.poll(() => manager.sessionCount).toBe(0);
    await expect.poll(() => provider.statuses()).toEqual({ [id]: "stopped" });
    await expect(manager.getSession(id)).rejects.toMatchObject({ code: "not-found" });
    await manager.recover();
    expect([...provider.files.keys()]).toEqual([id]);
  });

  test.each(["awake", "asleep"])(
    "and a call on a lost session that is %s is no reason to delete it either",
    async (state) => {
      await using installation = new Installation();
      const { provider, clock } = installation;
      const server = swappable(new MemorySessionStore({ now: () => clock.now() }));
      // Ends by others are not noticed in this test: the call comes first.
      const storeIntervalMs = 1_000_000;
      const options = { provider, clock, store: server.store, storeIntervalMs };
      await using manager = new SessionManager(options);
      const id = await manager.createSession();
      const sandbox = await manager.getSession(id);
      server.current = new MemorySessionStore({ now: () => clock.now() });
      if (state === "asleep") expect(await manager.cleanupIdle(0)).toBe(1);
      clock.advance(2 * TTL);
      await expect(sandbox.stat("a.txt")).rejects.toMatchObject({ code: "gone" });
      await manager.cleanupIdle(0);
      expect(provider.statuses()).toEqual({ [id]: "stopped" });
      await manager.recover();
      await manager.cleanupIdle(0);
      expect([...provider.files.keys()]).toEqual([id]);
    },
  );

  test("keeps nobody from deleting: purge and the end of a session go on as ever", async () => {
    await using installation = new Installation();
    const { provider, clock } = installation;
    const server = swappable(new MemorySessionStore());
    const options = { provider, clock, store: server.store, storeIntervalMs: 1_000_000 };
    await using manager = new SessionManager(options);
    const id = await manager.createSession();
    await manager.getOrCreate("alice");
    server.current = new MemorySessionStore();
    expect(provider.files.size).toBe(2);
    await manager.endSession(id);
    await using after = new SessionManager({ provider, clock, store: new MemorySessionStore() });
    expect(await after.purge("alice")).toBe(true);
    expect([...provider.files.keys()]).toEqual([]);
  });
});

describe("two managers of which one crashed", () => {
  test("the other wakes, uses and ends what the dead one held, once it is known to be dead", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const crashed = installation.start();
    const living = installation.start();
    const id = await crashed.manager.createSession({ userId: "alice" });
    await (await crashed.manager.getSession(id)).write("a.txt", "a");
    crashed.kill();
    const sandbox = await living.manager.getSession(id);
    expect(await sandbox.stat("a.txt")).not.toBeNull();
    expect(await living.manager.cleanupIdle(0)).toBe(0);
    expect(provider.statuses()).toEqual({ alice: "running" });
    clock.advance(TTL);
    await sandbox.stat("a.txt");
    expect(await living.manager.cleanupIdle(0)).toBe(1);
    expect(await living.manager.endSession(id)).toBe(true);
  });

  test("one that died while it put a sandbox to sleep makes others wait no longer than it is believed", async () => {
    await using installation = new Installation();
    const { clock, store } = installation;
    const crashed = installation.start();
    await crashed.manager.getOrCreate("alice");
    const beginChange = store.beginChange.bind(store);
    const reached = Promise.withResolvers<void>();
    store.beginChange = async (key, holder) => {
      const granted = await beginChange(key, holder);
      crashed.kill();
      reached.resolve();
      return granted;
    };
    void crashed.manager.cleanupIdle(0).catch(() => undefined);
    await reached.promise;
    store.beginChange = beginChange;
    const living = installation.start();
    const waiting = living.manager.getOrCreate("alice");
    clock.advance(TTL);
    await (await waiting).execute("true");
  });
});
