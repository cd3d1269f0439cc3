import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import {
  failsAfterResuming,
  failsToStart,
  failsToStop,
  Fault,
  neverStarts,
  override,
  startsBehind,
  stopsBehind,
  withSandboxes,
} from "../test/provider-doubles.ts";
import { eventOf, openManager, rejection, runningKeys, statusOf } from "../test/test-manager.ts";
import { MemorySessionStore } from "./session-store.ts";

const never = new Promise<void>(() => {});

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
    expect(events).toEqual([]);
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
    store.putIfAbsent = () => Promise.reject(full);
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
    store.putIfAbsent = () => Promise.reject(new Error("on purpose"));
    await rejection(manager.createSession({ userId: "alice" }));
    expect(await statusOf(provider, "alice")).toBe("running");
    await sandbox.stat(".");
  });
});

describe("a start that hangs", () => {
  test("is given up on as timeout, and nothing stays registered", async () => {
    await using setup = await openManager({ startTimeoutMs: 20, wrap: neverStarts });
    const { manager } = setup;
    await expect(manager.getOrCreate("alice")).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("within 20 ms"),
    });
    expect(manager.has("alice")).toBe(false);
  });

  test("does not hang who waits behind it", async () => {
    await using setup = await openManager({ startTimeoutMs: 20, wrap: neverStarts });
    const calls = Array.from({ length: 5 }, () => setup.manager.getOrCreate("alice"));
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "timeout" } });
    }
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
      let hangs = false;
      await using setup = await openManager({
        startTimeoutMs: 20,
        wrap: (provider) => {
          const slow = withSandboxes(provider, (sandbox) => ({
            status: async () => {
              if (hangs && where === "status") await never;
              return sandbox.status();
            },
            resume: async () => {
              if (hangs && where === "resume") await never;
              return sandbox.resume();
            },
          }));
          return override(slow, {
            find: async (key) => {
              if (hangs && where === "find") await never;
              return slow.find(key);
            },
          });
        },
      });
      const { manager } = setup;
      await manager.getOrCreate("alice");
      await manager.release("alice");
      hangs = true;
      await expect(manager.getOrCreate("alice")).rejects.toMatchObject({ code: "timeout" });
      hangs = false;
      await (await manager.getOrCreate("alice")).stat(".");
    },
  );

  test("and makes a sandbox after all: it is stopped, and a user's files are kept", async () => {
    const gate = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    await using setup = await openManager({
      startTimeoutMs: 20,
      wrap: (provider) =>
        withSandboxes(startsBehind(provider, gate.promise), (sandbox) => ({
          stop: () => sandbox.stop().finally(done.resolve),
        })),
    });
    await rejection(setup.manager.getOrCreate("alice"));
    gate.resolve();
    await done.promise;
    expect(await statusOf(setup.provider, "alice")).toBe("stopped");
  });

  test("and makes a sandbox after all that nobody can reach: it is deleted", async () => {
    const gate = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    await using setup = await openManager({
      startTimeoutMs: 20,
      wrap: (provider) =>
        override(startsBehind(provider, gate.promise), {
          remove: (key) => provider.remove(key).finally(done.resolve),
        }),
    });
    await rejection(setup.manager.createSession());
    gate.resolve();
    await done.promise;
    expect(await setup.provider.list()).toEqual([]);
  });

  test("and makes a sandbox after all that the next caller uses: it is left alone", async () => {
    const gate = Promise.withResolvers<void>();
    let slow = 1;
    const made = Promise.withResolvers<void>();
    await using setup = await openManager({
      startTimeoutMs: 1000,
      wrap: (provider) =>
        override(provider, {
          create: async (key) => {
            if (slow-- <= 0) return provider.create(key);
            const sandbox = await provider.create(key);
            made.resolve();
            await gate.promise;
            return sandbox;
          },
        }),
    });
    const { manager, provider } = setup;
    const controller = new AbortController();
    const first = rejection(manager.getOrCreate("alice", { signal: controller.signal }));
    const second = manager.getOrCreate("alice");
    await made.promise;
    controller.abort();
    await first;
    const sandbox = await second;
    gate.resolve();
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
    expect(events.at(-1)).toEqual({ type: "session-ended", sessionId: "alice" });
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

  test("because stopping hangs is given up on as timeout", async () => {
    const gate = Promise.withResolvers<void>();
    await using setup = await openManager({
      stopTimeoutMs: 20,
      wrap: (provider) => stopsBehind(provider, gate.promise),
    });
    const { manager } = setup;
    await manager.getOrCreate("alice");
    await expect(manager.release("alice")).rejects.toMatchObject({ code: "timeout" });
    const failed = eventOf(manager, "stop-failed");
    await manager.getOrCreate("bob");
    await manager.cleanupIdle(0);
    expect(await failed).toMatchObject({ error: { code: "timeout" } });
    gate.resolve();
    expect(await manager.release("alice")).toBe(true);
  });
});

test("a stop that comes through after it was given up on does not lose the next caller's work", async () => {
  const gate = Promise.withResolvers<void>();
  await using setup = await openManager({
    stopTimeoutMs: 20,
    // By contract the calls of one sandbox are done in order: a resume waits for the stop.
    wrap: (provider) =>
      withSandboxes(provider, (sandbox) => {
        let last: Promise<void> = Promise.resolve();
        const inTurn = (step: () => Promise<void>): Promise<void> => (last = last.then(step));
        return {
          stop: () =>
            inTurn(async () => {
              await gate.promise;
              await sandbox.stop();
            }),
          resume: () => inTurn(() => sandbox.resume()),
        };
      }),
  });
  const { manager } = setup;
  const sandbox = await manager.getOrCreate("alice");
  const failed = eventOf(manager, "stop-failed");
  await manager.cleanupIdle(0);
  await failed;
  const command = sandbox.execute("sleep 0.1; echo done");
  gate.resolve();
  expect(await command).toMatchObject({ outcome: "exited", stdout: "done\n" });
});
