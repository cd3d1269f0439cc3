import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxProvider } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { Gate, override, stopsBehind } from "../test/provider-doubles.ts";
import { openManager, openProvider, settle, statusOf } from "../test/test-manager.ts";
import { SessionManager } from "./session-manager.ts";
import type { SessionManagerOptions } from "./session-manager-options.ts";
import { MemorySessionStore } from "./memory-session-store.ts";

interface Pair extends AsyncDisposable {
  first: SessionManager;
  second: SessionManager;
  provider: SandboxProvider;
}

/** Two managers as two servers would have them: on one engine, and on one store if it is given. */
async function openPair(options: Omit<SessionManagerOptions, "provider"> = {}): Promise<Pair> {
  const provider = await openProvider();
  const first = new SessionManager({ provider, ...options });
  const second = new SessionManager({ provider, ...options });
  return {
    first,
    second,
    provider,
    async [Symbol.asyncDispose]() {
      await Promise.all([first.shutdown(), second.shutdown()]);
      await provider[Symbol.asyncDispose]();
    },
  };
}

describe("two managers on one provider", () => {
  test("give one user one sandbox, though both make it at the same time", async () => {
    await using pair = await openPair();
    const { first, second, provider } = pair;
    const opened = await Promise.all(
      [first, second, first, second].map((manager) => manager.getOrCreate("alice")),
    );
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    expect(await provider.list()).toHaveLength(1);
  });

  test("wake what the other put to sleep or deleted", async () => {
    await using pair = await openPair();
    const { first, second, provider } = pair;
    const sandbox = await first.getOrCreate("alice");
    await second.getOrCreate("alice");
    await second.cleanupIdle(0);
    expect(await statusOf(provider, "alice")).toBe("stopped");
    await sandbox.write("a.txt", "a");
    await second.release("alice");
    expect((await sandbox.execute("cat a.txt")).stdout).toBe("a");
    await provider.remove("alice");
    await sandbox.stat(".");
  });

  test("do not put to sleep what the other runs a command in", async () => {
    await using pair = await openPair();
    const { first, second } = pair;
    const command = (await first.getOrCreate("alice")).execute("sleep 0.3; echo done");
    await second.getOrCreate("alice");
    expect(await second.cleanupIdle(0)).toBe(0);
    expect(await command).toMatchObject({ outcome: "exited", stdout: "done\n" });
  });
});

describe("two managers on one store", () => {
  test("serve each other's sessions, at the ceiling too", async () => {
    await using pair = await openPair({ store: new MemorySessionStore(), maxOpenSessions: 1 });
    const { first, second } = pair;
    const id = await first.createSession({ userId: "alice" });
    expect(second.has(id)).toBe(false);
    await (await second.getSession(id)).write("a.txt", "a");
    expect(second.describe(id)).toEqual({
      ...first.describe(id),
      lastActiveAt: expect.any(String),
    });
    expect(await (await first.getSession(id)).stat("a.txt")).not.toBeNull();
  });

  test("notice that the other ended a session, and stop or delete the sandbox then", async () => {
    const store = new MemorySessionStore();
    await using pair = await openPair({ store, storeIntervalMs: 10 });
    const { first, second, provider } = pair;
    const shared = await first.createSession({ userId: "alice" });
    const own = await first.createSession();
    const sandboxes = [await second.getSession(shared), await second.getSession(own)];
    expect([await first.endSession(shared), await first.endSession(own)]).toEqual([true, true]);
    await expect.poll(() => second.sessionCount).toBe(0);
    for (const sandbox of sandboxes) {
      await expect(sandbox.stat(".")).rejects.toMatchObject({ code: "gone" });
    }
    await expect(second.getSession(shared)).rejects.toMatchObject({ code: "not-found" });
    expect(await second.endSession(own)).toBe(false);
    await expect
      .poll(() => provider.list())
      .toEqual([expect.objectContaining({ key: "alice", status: "stopped" })]);
    await expect.poll(() => store.workspace(own)).toBeNull();
  });

  test("find out at once where they have to wake it", async () => {
    await using pair = await openPair({ store: new MemorySessionStore() });
    const { first, second } = pair;
    const id = await first.createSession({ userId: "alice" });
    const sandbox = await second.getSession(id);
    await second.cleanupIdle(0);
    expect(await first.endSession(id)).toBe(true);
    await expect(sandbox.stat(".")).rejects.toMatchObject({ code: "gone" });
    await expect(second.getSession(id)).rejects.toMatchObject({ code: "not-found" });
    expect(second.sessionCount).toBe(0);
  });

  test("end sessions that only the other used", async () => {
    await using pair = await openPair({ store: new MemorySessionStore(), storeIntervalMs: 10 });
    const { first, second, provider } = pair;
    const own = await first.createSession();
    const shared = await first.createSession({ userId: "alice" });
    expect(await second.endSession(own)).toBe(true);
    expect(await second.endSession(shared)).toBe(true);
    await expect
      .poll(() => provider.list())
      .toEqual([expect.objectContaining({ key: "alice", status: "stopped" })]);
    await expect(first.getSession(own)).rejects.toMatchObject({ code: "not-found" });
  });

  test("do not put to sleep or shut down what the other uses", async () => {
    await using pair = await openPair({ store: new MemorySessionStore() });
    const { first, second, provider } = pair;
    const sandbox = await first.getOrCreate("alice");
    await second.getOrCreate("alice");
    expect(await second.cleanupIdle(0)).toBe(0);
    expect(second.sessionCount).toBe(0);
    await second.getOrCreate("alice");
    await second.shutdown();
    expect(await statusOf(provider, "alice")).toBe("running");
    await sandbox.stat(".");
    expect(await first.cleanupIdle(0)).toBe(1);
    expect(await statusOf(provider, "alice")).toBe("stopped");
  });

  test("make a caller wait while the other puts the sandbox to sleep, and then wake it", async () => {
    const store = new MemorySessionStore();
    const gate = new Gate();
    await using setup = await openManager({
      store,
      wrap: (provider) => stopsBehind(provider, gate),
    });
    await using other = new SessionManager({ provider: setup.provider, store });
    await setup.manager.getOrCreate("alice");
    const cleanup = setup.manager.cleanupIdle(0);
    await gate.reached;
    const call = other.getOrCreate("alice").then((sandbox) => sandbox.write("a.txt", "a"));
    await settle();
    gate.open();
    expect(await cleanup).toBe(1);
    expect(await call).toMatchObject({ created: true });
    expect(await statusOf(setup.provider, "alice")).toBe("running");
  });

  test("agree on a session of the user that both open, whenever that was", async () => {
    await using pair = await openPair({ store: new MemorySessionStore() });
    const { first, second } = pair;
    await Promise.all([first.getOrCreate("alice"), second.getOrCreate("alice")]);
    expect(first.describe("alice")?.createdAt).toBe(second.describe("alice")?.createdAt);
  });

  test("a manager that starts later serves the sessions of the one before", async () => {
    await using provider = await openProvider();
    const store = new MemorySessionStore();
    const before = new SessionManager({ provider, store });
    const id = await before.createSession({ userId: "alice" });
    await (await before.getSession(id)).write("kept.txt", "kept");
    await before.shutdown();
    await using after = new SessionManager({ provider, store });
    expect(await (await after.getSession(id)).stat("kept.txt")).not.toBeNull();
  });
});

describe("somebody else makes the sandbox in between", () => {
  const exists = new SandboxError({ code: "already-exists", message: "It exists." });

  test("it is found and used", async () => {
    await using setup = await openManager({
      wrap: (provider) => {
        let rivals = 3;
        return override(provider, {
          find: async (key) => (rivals-- > 0 ? null : provider.find(key)),
          create: async (key) => {
            if (rivals === 2) await provider.create(key);
            throw exists;
          },
        });
      },
    });
    await (await setup.manager.getOrCreate("alice")).stat(".");
  });

  test("and it cannot be found: after some tries the caller hears unavailable", async () => {
    let tries = 0;
    await using setup = await openManager({
      wrap: (provider) =>
        override(provider, {
          create: async () => {
            tries += 1;
            throw exists;
          },
        }),
    });
    await expect(setup.manager.getOrCreate("alice")).rejects.toMatchObject({
      code: "unavailable",
      cause: exists,
      retryAfterMs: expect.any(Number),
    });
    expect(tries).toBeLessThan(10);
    expect(setup.manager.has("alice")).toBe(false);
  });
});
