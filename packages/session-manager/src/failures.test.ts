import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, test, vi } from "vitest";
import {
  failsAfterResuming,
  failsToStart,
  failsToStop,
  Fault,
  Gate,
  neverStarts,
  override,
  startsBehind,
  stopsBehind,
  withSandboxes,
} from "../test/provider-doubles.ts";
import { eventOf, openManager, rejection, runningKeys, statusOf } from "../test/test-manager.ts";
import { MemorySessionStore } from "./memory-session-store.ts";

/** Deadlines pass when the test says so. */
function manualTimers(): Disposable & { advance: (milliseconds: number) => void } {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  return {
    advance: (milliseconds) => void vi.advanceTimersByTime(milliseconds),
    [Symbol.dispose]: () => void vi.useRealTimers(),
  };
}

describe("a start that fails", () => {
  test("leaves nothing registered, and the next one works", async () => {
    const fault = new Fault(2);
    const store = new MemorySessionStore();
    await using setup = await openManager({
      store,
      wrap: (provider) => failsToStart(provider, fault),
    });
    const { manager, events } = setup;
    await expect(manager.createSession({ userId: "alice" })).rejects.toMatchObject({
      code: "unavailable",
      message: "create fails on purpose.",
    });
    await rejection(manager.getOrCreate("alice"));
    expect(manager.has("alice")).toBe(false);
    expect(manager.sessionCount).toBe(0);
    expect(await store.get("alice")).toBeNull();
    expect(await store.count()).toBe(0);
    expect(events).toMatchObject([
      { type: "start-failed", key: "alice", code: "unavailable" },
      { type: "start-failed", sessionId: "alice", code: "unavailable" },
    ]);
    await (await manager.getOrCreate("alice")).stat(".");
  });

  test("fails for its own caller only: who waited behind it tries for itself", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({ wrap: (provider) => failsToStart(provider, fault) });
    const { manager } = setup;
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => manager.getOrCreate("alice")),
    );
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect([...manager.sessions.keys()]).toEqual(["alice"]);
  });

  test("while it woke a sandbox stops it again", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({
      wrap: (provider) => failsAfterResuming(provider, fault),
    });
    const { manager, provider } = setup;
    await manager.getOrCreate("alice");
    await manager.cleanupIdle(0);
    await expect(manager.getSession("alice")).rejects.toMatchObject({ code: "unavailable" });
    expect(await statusOf(provider, "alice")).toBe("stopped");
    expect(manager.describe("alice")?.state).toBe("stopped");
    await manager.getSession("alice");
  });

  test("for a new session while it woke a sandbox stops it again", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({
      wrap: (provider) => failsAfterResuming(provider, fault),
    });
    const { manager, provider } = setup;
    await manager.getOrCreate("alice");
    await manager.release("alice");
    await rejection(manager.createSession({ userId: "alice" }));
    expect(await statusOf(provider, "alice")).toBe("stopped");
    expect(manager.sessionCount).toBe(0);
  });

  test("because the store failed stops what it started, and deletes what nobody could reach", async () => {
    const store = new MemorySessionStore();
    const full = new SandboxError({ code: "no-space", message: "The disk is full." });
    store.establish = () => Promise.reject(full);
    await using setup = await openManager({ store });
    const { manager, provider } = setup;
    await expect(manager.getOrCreate("alice")).rejects.toBe(full);
    await expect(manager.createSession()).rejects.toBe(full);
    expect(await provider.list()).toEqual([expect.objectContaining({ status: "stopped" })]);
    expect(manager.has("alice")).toBe(false);
  });

  test("because the store failed leaves the sandbox to the sessions that use it", async () => {
    const store = new MemorySessionStore();
    await using setup = await openManager({ store });
    const { manager, provider } = setup;
    const sandbox = await manager.getOrCreate("alice");
    store.establish = () => Promise.reject(new Error("on purpose"));
    await rejection(manager.createSession({ userId: "alice" }));
    expect(await statusOf(provider, "alice")).toBe("running");
    await sandbox.stat(".");
  });
});

describe("a start that hangs", () => {
  test("is given up on as timeout after two minutes, and nothing stays registered", async () => {
    using timers = manualTimers();
    const gate = new Gate();
    await using setup = await openManager({ wrap: (provider) => startsBehind(provider, gate) });
    const { manager } = setup;
    const opening = rejection(manager.getOrCreate("alice"));
    await gate.reached;
    timers.advance(120_000);
    expect(await opening).toMatchObject({
      code: "timeout",
      message: expect.stringContaining("within 120000 ms"),
    });
    expect(manager.has("alice")).toBe(false);
  });

  test("does not hang who waits behind it", async () => {
    using timers = manualTimers();
    const gate = new Gate();
    await using setup = await openManager({
      startTimeoutMs: 5000,
      wrap: (provider) => startsBehind(provider, gate),
    });
    const calls = Array.from({ length: 5 }, () => rejection(setup.manager.getOrCreate("alice")));
    await gate.reached;
    timers.advance(5000);
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: "timeout" });
  });

  test("can be aborted", async () => {
    await using setup = await openManager({ wrap: neverStarts });
    const controller = new AbortController();
    const opening = setup.manager.createSession({ signal: controller.signal });
    controller.abort();
    await expect(opening).rejects.toMatchObject({ code: "aborted" });
  });

  test.each(["find", "status", "resume"] as const)(
    "in %s is given up on as well",
    async (where) => {
      using timers = manualTimers();
      const gate = new Gate();
      let hangs = false;
      const step = async (name: typeof where): Promise<void> => {
        if (hangs && where === name) await gate.pass();
      };
      await using setup = await openManager({
        wrap: (provider) => {
          const slow = withSandboxes(provider, (sandbox) => ({
            status: () => step("status").then(() => sandbox.status()),
            resume: () => step("resume").then(() => sandbox.resume()),
          }));
          return override(slow, { find: (key) => step("find").then(() => slow.find(key)) });
        },
      });
      const { manager } = setup;
      await manager.getOrCreate("alice");
      await manager.release("alice");
      hangs = true;
      const opening = rejection(manager.getOrCreate("alice"));
      await gate.reached;
      hangs = false;
      timers.advance(120_000);
      expect(await opening).toMatchObject({ code: "timeout" });
      await (await manager.getOrCreate("alice")).stat(".");
    },
  );
});

describe("a start that nobody waits for any more makes a sandbox after all", () => {
  /** Open behind a gate, and give up as soon as the gate is reached. */
  async function giveUp(
    gate: Gate,
    open: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    const controller = new AbortController();
    const opening = rejection(open(controller.signal));
    await gate.reached;
    controller.abort();
    expect(await opening).toMatchObject({ code: "aborted" });
  }

  test("of a user: it is stopped, and its files are kept", async () => {
    const gate = new Gate();
    const stopped = Promise.withResolvers<void>();
    await using setup = await openManager({
      wrap: (provider) =>
        withSandboxes(startsBehind(provider, gate), (sandbox) => ({
          stop: () => sandbox.stop().finally(stopped.resolve),
        })),
    });
    await giveUp(gate, (signal) => setup.manager.getOrCreate("alice", { signal }));
    gate.open();
    await stopped.promise;
    expect(await statusOf(setup.provider, "alice")).toBe("stopped");
  });

  test("of a session that nobody can reach: it is deleted", async () => {
    const gate = new Gate();
    const removed = Promise.withResolvers<void>();
    await using setup = await openManager({
      wrap: (provider) =>
        override(startsBehind(provider, gate), {
          remove: async (key) => {
            const found = await provider.remove(key);
            removed.resolve();
            return found;
          },
        }),
    });
    await giveUp(gate, (signal) => setup.manager.createSession({ signal }));
    gate.open();
    await removed.promise;
    expect(await setup.provider.list()).toEqual([]);
  });

  test("and it cannot be stopped: clean-up tries again", async () => {
    const gate = new Gate();
    const fault = new Fault(2);
    await using setup = await openManager({
      wrap: (provider) => failsToStop(startsBehind(provider, gate), fault),
    });
    const { manager, provider } = setup;
    await giveUp(gate, (signal) => manager.getOrCreate("alice", { signal }));
    const failed = eventOf(manager, "stop-failed");
    gate.open();
    expect(await failed).toMatchObject({ sessionId: null, error: { code: "unavailable" } });
    expect(await manager.cleanupIdle()).toBe(0);
    expect(await runningKeys(provider)).toEqual(["alice"]);
    await manager.cleanupIdle();
    expect(await runningKeys(provider)).toEqual([]);
  });

  test("and the next caller uses it: it is left alone", async () => {
    const gate = new Gate();
    let slow = 1;
    await using setup = await openManager({
      wrap: (provider) =>
        override(provider, {
          create: async (key) => {
            const sandbox = await provider.create(key);
            if (slow-- > 0) await gate.pass();
            return sandbox;
          },
        }),
    });
    const { manager, provider } = setup;
    await giveUp(gate, (signal) => manager.getOrCreate("alice", { signal }));
    const sandbox = await manager.getOrCreate("alice");
    gate.open();
    await sandbox.execute("true");
    expect(await statusOf(provider, "alice")).toBe("running");
    expect(await manager.cleanupIdle(0)).toBe(1);
  });
});

describe("an end that fails", () => {
  test("reaches the caller, stays listed as ending, and is tried again by the next call", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({ wrap: (provider) => failsToStop(provider, fault) });
    const { manager, provider } = setup;
    const id = await manager.createSession({ userId: "alice" });
    const sandbox = await manager.getSession(id);
    await expect(manager.endSession(id)).rejects.toMatchObject({
      code: "unavailable",
      message: "stop fails on purpose.",
    });
    expect(manager.sessions.get(id)?.state).toBe("ending");
    expect(manager.has(id)).toBe(true);
    await expect(manager.getSession(id)).rejects.toMatchObject({ code: "not-found" });
    await expect(sandbox.stat(".")).rejects.toMatchObject({ code: "gone" });
    expect(() => manager.lease(id)).toThrow(SandboxError);
    expect(await manager.endSession(id)).toBe(true);
    expect(await runningKeys(provider)).toEqual([]);
    expect(manager.has(id)).toBe(false);
  });

  test("is tried again by the next clean-up, whether or not the session is idle", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({ wrap: (provider) => failsToStop(provider, fault) });
    const { manager, provider, events } = setup;
    await manager.getOrCreate("alice");
    await rejection(manager.release("alice"));
    expect(await manager.cleanupIdle()).toBe(1);
    expect(events.at(-1)).toMatchObject({ type: "session-ended", sessionId: "alice" });
    expect(await runningKeys(provider)).toEqual([]);
  });

  test("is called off when the user comes back", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({ wrap: (provider) => failsToStop(provider, fault) });
    const { manager } = setup;
    await manager.getOrCreate("alice");
    await rejection(manager.release("alice"));
    await (await manager.getOrCreate("alice")).stat(".");
    expect(manager.describe("alice")?.state).toBe("running");
    expect(await manager.release("alice")).toBe(true);
  });

  test("does not keep the sandbox awake when the user's next session ends", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({ wrap: (provider) => failsToStop(provider, fault) });
    const { manager, provider } = setup;
    await manager.getOrCreate("alice");
    await rejection(manager.release("alice"));
    await manager.endSession(await manager.createSession({ userId: "alice" }));
    expect(await runningKeys(provider)).toEqual([]);
  });

  test("because deleting failed keeps the session listed until it was deleted", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({
      wrap: (provider) =>
        override(provider, {
          remove: async (key, options) => {
            fault.strike("remove");
            return provider.remove(key, options);
          },
        }),
    });
    const { manager, provider } = setup;
    const id = await manager.createSession();
    await manager.cleanupIdle(0);
    await expect(manager.endSession(id)).rejects.toMatchObject({ code: "unavailable" });
    expect(manager.sessions.get(id)?.state).toBe("ending");
    expect(await manager.cleanupIdle()).toBe(1);
    expect(await provider.list()).toEqual([]);
  });

  test("because stopping hangs is given up on as timeout after half a minute", async () => {
    using timers = manualTimers();
    const gate = new Gate();
    await using setup = await openManager({ wrap: (provider) => stopsBehind(provider, gate) });
    const { manager } = setup;
    await manager.getOrCreate("alice");
    const end = rejection(manager.release("alice"));
    await gate.reached;
    timers.advance(30_000);
    expect(await end).toMatchObject({
      code: "timeout",
      message: expect.stringContaining("within 30000 ms"),
    });
    gate.open();
    expect(await manager.release("alice")).toBe(true);
  });
});

test("a stop that comes through after it was given up on does not lose the next caller's work", async () => {
  using timers = manualTimers();
  const gate = new Gate();
  const resumed = Promise.withResolvers<void>();
  await using setup = await openManager({
    // By contract the calls of one sandbox are done in order: a resume waits for the stop.
    wrap: (provider) =>
      withSandboxes(provider, (sandbox) => {
        let last: Promise<void> = Promise.resolve();
        const inTurn = (step: () => Promise<void>): Promise<void> => (last = last.then(step));
        return {
          stop: () => inTurn(() => gate.pass().then(() => sandbox.stop())),
          resume: () => {
            resumed.resolve();
            return inTurn(() => sandbox.resume());
          },
        };
      }),
  });
  const { manager } = setup;
  const sandbox = await manager.getOrCreate("alice");
  const failed = eventOf(manager, "stop-failed");
  const cleanup = manager.cleanupIdle(0);
  await gate.reached;
  timers.advance(30_000);
  expect(await failed).toMatchObject({ sessionId: "alice", error: { code: "timeout" } });
  expect(await cleanup).toBe(0);
  const process = sandbox.spawn("cat", { stdin: "open" });
  // Either it has started already, and the stop would end it, or its start waits behind the stop.
  await Promise.race([process, resumed.promise]);
  gate.open();
  await (await process).closeStdin();
  expect(await (await process).result).toMatchObject({ outcome: "exited" });
});
