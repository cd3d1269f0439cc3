import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { failsToStart, Fault, override } from "../test/provider-doubles.ts";
import {
  openManager,
  openProvider,
  rejection,
  runningKeys,
  statusOf,
} from "../test/test-manager.ts";
import { SessionManager } from "./session-manager.ts";
import type { SessionManagerOptions } from "./session-manager-options.ts";

const text = (bytes: Uint8Array | null): string | null =>
  bytes && Buffer.from(bytes).toString("utf8");

describe("createSession", () => {
  test("opens a session for a user, whose sandbox runs before the id is there", async () => {
    await using setup = await openManager();
    const { manager, provider, events } = setup;
    const id = await manager.createSession({ userId: "alice" });
    expect(id).toMatch(/^ses_/);
    expect(await statusOf(provider, "alice")).toBe("running");
    expect(events).toEqual([
      { type: "session-opened", sessionId: id, key: "alice", durationMs: expect.any(Number) },
    ]);
    expect(manager.describe(id)).toEqual({
      id,
      userId: "alice",
      scope: "user",
      state: "running",
      progress: null,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      lastActiveAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  test("gives all sessions of one user one sandbox, and other users others", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    const first = await manager.getSession(await manager.createSession({ userId: "alice" }));
    const second = await manager.getSession(await manager.createSession({ userId: "alice" }));
    const other = await manager.getSession(await manager.createSession({ userId: "bob" }));
    await first.write("secret.txt", "Alice's");
    expect(text(await second.read("secret.txt"))).toBe("Alice's");
    expect(text(await (await manager.getOrCreate("alice")).read("secret.txt"))).toBe("Alice's");
    expect(await other.read("secret.txt")).toBeNull();
    expect(first.id).toBe(second.id);
    expect(other.id).not.toBe(first.id);
  });

  test("without a user gives each session a workspace of its own", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    const ids = [await manager.createSession(), await manager.createSession({ scope: "session" })];
    const [first, second] = await Promise.all(ids.map((id) => manager.getSession(id)));
    await first!.write("a.txt", "first");
    expect(await second!.read("a.txt")).toBeNull();
    expect(manager.describe(ids[0]!)).toMatchObject({ userId: null, scope: "session" });
  });

  test("of scope session keeps a user's session apart from the user's workspace", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    const shared = await manager.getOrCreate("alice");
    const id = await manager.createSession({ userId: "alice", scope: "session" });
    await (await manager.getSession(id)).write("a.txt", "apart");
    expect(await shared.read("a.txt")).toBeNull();
    expect(manager.describe(id)).toMatchObject({ userId: "alice", scope: "session" });
  });

  test("of scope user needs a user", async () => {
    await using setup = await openManager();
    await expect(setup.manager.createSession({ scope: "user" })).rejects.toMatchObject({
      code: "invalid-argument",
    });
    expect(await setup.provider.list()).toEqual([]);
  });
});

describe("ids", () => {
  test.each(["", "a\0", "a\nb", "\ud800", "ses_alice", "a".repeat(257)])(
    "%j is refused before anything is touched",
    async (id) => {
      const touched: PropertyKey[] = [];
      await using provider = await openProvider();
      const watched = new Proxy(provider, {
        get(target, name) {
          touched.push(name);
          return Reflect.get(target, name) as unknown;
        },
      });
      const manager = new SessionManager({ provider: watched });
      const refused = { code: "invalid-argument" };
      await expect(manager.createSession({ userId: id })).rejects.toMatchObject(refused);
      await expect(manager.getOrCreate(id)).rejects.toMatchObject(refused);
      await expect(manager.release(id)).rejects.toMatchObject(refused);
      expect(touched).toEqual([]);
      await expect(manager.getSession(id)).rejects.toMatchObject({ code: "not-found" });
      expect(await manager.endSession(id)).toBe(false);
      expect(touched).toEqual([]);
    },
  );

  test.each(["constructor", "__proto__", "toString", "../../etc", "/", ".", "bob\u0301"])(
    "%j is a user like any other",
    async (id) => {
      await using setup = await openManager();
      const { manager } = setup;
      expect(manager.has(id)).toBe(false);
      expect(manager.describe(id)).toBeNull();
      await (await manager.getOrCreate(id)).write("a.txt", id);
      expect(text(await (await manager.getSession(id)).read("a.txt"))).toBe(id);
      expect([...manager.sessions.keys()]).toEqual([id]);
      expect(await manager.release(id)).toBe(true);
    },
  );

  test("that look alike are different users", async () => {
    await using setup = await openManager();
    const ids = ["bob", "Bob", "bob ", "b.b", "b_b", "caf\u00e9", "cafe\u0301"];
    const sandboxes = await Promise.all(ids.map((id) => setup.manager.getOrCreate(id)));
    await Promise.all(sandboxes.map((sandbox, index) => sandbox.write("a.txt", ids[index]!)));
    for (const [index, sandbox] of sandboxes.entries()) {
      expect(text(await sandbox.read("a.txt"))).toBe(ids[index]);
    }
  });
});

describe("getSession", () => {
  test("throws not-found for an id that never was, ended, or was only guessed", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    const id = await manager.createSession({ userId: "alice" });
    await manager.endSession(id);
    const guesses = [id, "alice", `ses_${"A".repeat(24)}`];
    for (const guess of guesses) {
      await expect(manager.getSession(guess)).rejects.toMatchObject({ code: "not-found" });
    }
  });

  test("wakes a sandbox that sleeps", async () => {
    await using setup = await openManager();
    const { manager, provider, events } = setup;
    const id = await manager.createSession({ userId: "alice" });
    await manager.cleanupIdle(0);
    expect(await statusOf(provider, "alice")).toBe("stopped");
    await manager.getSession(id);
    expect(await statusOf(provider, "alice")).toBe("running");
    expect(events.at(-1)).toMatchObject({ type: "session-woken", sessionId: id });
  });

  test("gives one that somebody stopped behind the manager's back: the first call wakes it", async () => {
    await using setup = await openManager();
    const { manager, provider } = setup;
    const id = await manager.createSession({ userId: "alice" });
    await (await provider.find("alice"))?.stop();
    await (await manager.getSession(id)).stat(".");
    expect(await statusOf(provider, "alice")).toBe("running");
  });

  test("replaces one that died", async () => {
    await using setup = await openManager();
    const { manager, provider, events } = setup;
    const id = await manager.createSession({ userId: "alice" });
    await provider.remove("alice");
    const sandbox = await manager.getSession(id);
    await sandbox.write("a.txt", "here");
    expect(await statusOf(provider, "alice")).toBe("running");
    expect(events.at(-1)).toMatchObject({
      type: "sandbox-replaced",
      sessionId: id,
      sandboxId: sandbox.id,
    });
  });
});

describe("getOrCreate and release", () => {
  test("walk the life of a user's session", async () => {
    await using setup = await openManager();
    const { manager, provider } = setup;
    const first = await manager.getOrCreate("user-alice");
    await first.write("kept.txt", "kept");
    const second = await manager.getOrCreate("user-alice");
    expect(second.id).toBe(first.id);
    expect(manager.describe("user-alice")).toMatchObject({
      id: "user-alice",
      userId: "user-alice",
      scope: "user",
    });
    expect(await manager.release("user-alice")).toBe(true);
    expect(await statusOf(provider, "user-alice")).toBe("stopped");
    expect(await manager.release("user-alice")).toBe(false);
    const third = await manager.getOrCreate("user-alice");
    expect(text(await third.read("kept.txt"))).toBe("kept");
  });

  test("release leaves the user's other sessions and their sandbox alone", async () => {
    await using setup = await openManager();
    const { manager, provider } = setup;
    const id = await manager.createSession({ userId: "alice" });
    await manager.getOrCreate("alice");
    await manager.release("alice");
    expect(manager.has(id)).toBe(true);
    expect(await statusOf(provider, "alice")).toBe("running");
    await manager.endSession(id);
    expect(await statusOf(provider, "alice")).toBe("stopped");
  });
});

describe("endSession", () => {
  test("stops the sandbox, keeps the user's files and says whether there was one", async () => {
    await using setup = await openManager();
    const { manager, provider, events } = setup;
    const id = await manager.createSession({ userId: "alice" });
    await (await manager.getSession(id)).write("kept.txt", "kept");
    expect(await manager.endSession(id)).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "session-ended", sessionId: id });
    expect(await manager.endSession(id)).toBe(false);
    expect(manager.has(id)).toBe(false);
    expect(await runningKeys(provider)).toEqual([]);
    const next = await manager.getSession(await manager.createSession({ userId: "alice" }));
    expect(text(await next.read("kept.txt"))).toBe("kept");
  });

  test("deletes the workspace that only this session had, also of one that sleeps", async () => {
    await using setup = await openManager();
    const { manager, provider } = setup;
    const ids = [await manager.createSession(), await manager.createSession()];
    await manager.cleanupIdle(0);
    await manager.getSession(ids[0]!);
    for (const id of ids) expect(await manager.endSession(id)).toBe(true);
    expect(await provider.list()).toEqual([]);
  });

  test("leaves a sandbox that sleeps asleep", async () => {
    await using setup = await openManager();
    const { manager, provider } = setup;
    const id = await manager.createSession({ userId: "alice" });
    await manager.cleanupIdle(0);
    expect(await manager.endSession(id)).toBe(true);
    expect(await statusOf(provider, "alice")).toBe("stopped");
  });
});

describe("the ceiling", () => {
  test("is not passed by a burst, and who is refused hears when to come back", async () => {
    await using setup = await openManager({ maxOpenSessions: 3 });
    const { manager, provider } = setup;
    const burst = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0 ? manager.createSession() : manager.getOrCreate(`user-${index}`),
      ),
    );
    expect(burst.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    for (const result of burst) {
      if (result.status === "fulfilled") continue;
      expect(result.reason).toMatchObject({
        code: "capacity",
        retryAfterMs: expect.any(Number),
      });
    }
    expect(await provider.list()).toHaveLength(3);
  });

  test("counts sessions that sleep, serves those that are open, and frees what ended", async () => {
    await using setup = await openManager({ maxOpenSessions: 2 });
    const { manager } = setup;
    await manager.getOrCreate("alice");
    const id = await manager.createSession({ userId: "bob" });
    await manager.cleanupIdle(0);
    await expect(manager.getOrCreate("carol")).rejects.toMatchObject({ code: "capacity" });
    await manager.getOrCreate("alice");
    await manager.getSession(id);
    await manager.release("alice");
    await manager.getOrCreate("carol");
  });

  test("gets the place of a failed start back", async () => {
    const fault = new Fault(1);
    await using setup = await openManager({
      maxOpenSessions: 1,
      wrap: (provider) => failsToStart(provider, fault),
    });
    await rejection(setup.manager.createSession());
    await setup.manager.createSession();
  });
});

describe("what can be seen", () => {
  test("sessions are those whose sandbox is resident; has and describe know the others", async () => {
    await using setup = await openManager();
    const { manager, clock } = setup;
    const asleep = await manager.createSession({ userId: "alice" });
    clock.advance(1000);
    await manager.getOrCreate("bob");
    expect(manager.sessionCount).toBe(2);
    expect(await manager.cleanupIdle(1000)).toBe(1);
    expect([...manager.sessions.keys()]).toEqual(["bob"]);
    expect(manager.sessionCount).toBe(1);
    expect(manager.sessions.get("bob")).toEqual(manager.describe("bob"));
    expect(manager.has(asleep)).toBe(true);
    expect(manager.describe(asleep)).toMatchObject({ state: "stopped" });
    expect(manager.has("carol")).toBe(false);
  });

  test("sessions is a copy: it does not change in a reader's hands", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    await manager.getOrCreate("alice");
    const before = manager.sessions;
    await manager.release("alice");
    expect([...before.keys()]).toEqual(["alice"]);
    expect(manager.sessions.size).toBe(0);
  });

  test("a session that starts or wakes says so", async () => {
    const gate = Promise.withResolvers<void>();
    await using setup = await openManager({
      wrap: (provider) =>
        override(provider, {
          create: async (key, options) => {
            await gate.promise;
            return provider.create(key, options);
          },
        }),
    });
    const { manager } = setup;
    const opening = manager.getOrCreate("alice");
    await expect.poll(() => manager.describe("alice")?.state).toBe("starting");
    expect(manager.sessionCount).toBe(0);
    gate.resolve();
    await opening;
    expect(manager.describe("alice")?.state).toBe("running");
  });
});

test.each([
  { maxOpenSessions: 0 },
  { maxOpenSessions: 1.5 },
  { idleTimeoutMs: -1 },
  { idleTimeoutMs: Number.NaN },
  { startTimeoutMs: 0 },
  { stopTimeoutMs: 2 ** 31 },
  { idleTimeoutMS: 1000 },
  { backgroundWork: "nonsense" as "ignored" },
])("options that cannot be meant are refused: %j", async (options) => {
  await using provider = await openProvider();
  expect(() => new SessionManager({ provider, ...options })).toThrow(SandboxError);
});

test("an option that is undefined has its default", async () => {
  await using provider = await openProvider();
  // As plain JavaScript may give it.
  const options = { provider, idleTimeoutMs: undefined } as object as SessionManagerOptions;
  await using manager = new SessionManager(options);
  await manager.getOrCreate("alice");
  expect(await manager.cleanupIdle()).toBe(0);
});

test("numbers that cannot be meant are refused by the verbs", async () => {
  await using setup = await openManager();
  const refused = expect.objectContaining({ code: "invalid-argument" });
  await expect(setup.manager.cleanupIdle(-1)).rejects.toEqual(refused);
  await expect(setup.manager.cleanupIdle(Number.NaN)).rejects.toEqual(refused);
  expect(() => setup.manager.startCleanupLoop(0)).toThrow(refused);
  expect(() => setup.manager.startCleanupLoop(2 ** 31)).toThrow(refused);
});
