import { expect, test } from "vitest";
import {
  Gate,
  override,
  startsBehind,
  stopsBehind,
  withSandboxes,
} from "../test/provider-doubles.ts";
import { openManager, rejection, runningKeys, settle, statusOf } from "../test/test-manager.ts";

test("fifty callers that ask for one user at the same time get one sandbox", async () => {
  let creations = 0;
  await using setup = await openManager({
    wrap: (provider) =>
      override(provider, {
        create: (key, options) => {
          creations += 1;
          return provider.create(key, options);
        },
      }),
  });
  const { manager, provider, events } = setup;
  const opened = await Promise.all(
    Array.from({ length: 50 }, async (_, index) =>
      index % 2 === 0
        ? manager.getOrCreate("alice")
        : manager.getSession(await manager.createSession({ userId: "alice" })),
    ),
  );
  expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
  expect(creations).toBe(1);
  expect(await provider.list()).toHaveLength(1);
  expect(manager.sessionCount).toBe(26);
  expect(events.filter(({ type }) => type === "session-opened")).toHaveLength(26);
});

test("of a crowd of callers of one user some are refused, and all others served", async () => {
  const gate = new Gate();
  await using setup = await openManager({
    wrap: (provider) => startsBehind(provider, gate),
  });
  const { manager } = setup;
  const calls = Array.from({ length: 1100 }, () => manager.getOrCreate("alice"));
  const settled = Promise.allSettled(calls);
  await gate.reached;
  gate.open();
  const refused = (await settled).filter(({ status }) => status === "rejected");
  expect(refused).toHaveLength(99);
  expect(refused[0]).toMatchObject({
    reason: { code: "capacity", retryAfterMs: expect.any(Number) },
  });
  expect(manager.sessionCount).toBe(1);
  await manager.getOrCreate("alice");
});

test("a caller that aborts while it waits gets aborted, and the others get the sandbox", async () => {
  const gate = new Gate();
  await using setup = await openManager({
    wrap: (provider) => startsBehind(provider, gate),
  });
  const { manager } = setup;
  const controller = new AbortController();
  const first = manager.getOrCreate("alice");
  const impatient = manager.getOrCreate("alice", { signal: controller.signal });
  const session = manager.createSession({ userId: "alice", signal: controller.signal });
  const last = manager.getOrCreate("alice");
  await gate.reached;
  controller.abort();
  await expect(impatient).rejects.toMatchObject({ code: "aborted" });
  await expect(session).rejects.toMatchObject({ code: "aborted" });
  gate.open();
  expect((await first).id).toBe((await last).id);
  expect([...manager.sessions.keys()]).toEqual(["alice"]);
});

test("a caller that aborts while it starts the sandbox leaves the start to the next", async () => {
  const started = Promise.withResolvers<void>();
  let hangs = 1;
  await using setup = await openManager({
    wrap: (provider) =>
      override(provider, {
        create: async (key, options) => {
          started.resolve();
          return hangs-- > 0 ? new Promise(() => {}) : provider.create(key, options);
        },
      }),
  });
  const { manager } = setup;
  const controller = new AbortController();
  const first = manager.getOrCreate("alice", { signal: controller.signal });
  const second = manager.getOrCreate("alice");
  await started.promise;
  controller.abort();
  await expect(first).rejects.toMatchObject({ code: "aborted" });
  await (await second).stat(".");
});

test("an abort before anything began touches nothing", async () => {
  await using setup = await openManager();
  const signal = AbortSignal.abort();
  const { manager } = setup;
  const aborted = { code: "aborted" };
  await expect(manager.createSession({ signal })).rejects.toMatchObject(aborted);
  await expect(manager.getOrCreate("alice", { signal })).rejects.toMatchObject(aborted);
  expect(manager.has("alice")).toBe(false);
  expect(await setup.provider.list()).toEqual([]);
});

test("a session that is opened while the user's last one ends has its sandbox awake", async () => {
  const stopping = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await using setup = await openManager({
    wrap: (provider) =>
      withSandboxes(provider, (sandbox) => ({
        stop: async () => {
          stopping.resolve();
          await gate.promise;
          await sandbox.stop();
        },
      })),
  });
  const { manager, provider } = setup;
  await manager.getOrCreate("alice");
  const release = manager.release("alice");
  await stopping.promise;
  const id = manager.createSession({ userId: "alice" });
  const again = manager.getOrCreate("alice");
  gate.resolve();
  expect(await release).toBe(true);
  await (await again).stat(".");
  expect(await statusOf(provider, "alice")).toBe("running");
  expect([...manager.sessions.keys()].toSorted()).toEqual(["alice", await id].toSorted());
});

test("of several that end one session at the same time one does", async () => {
  await using setup = await openManager();
  const { manager, events } = setup;
  const id = await manager.createSession();
  const ends = await Promise.all(Array.from({ length: 5 }, () => manager.endSession(id)));
  expect(ends.filter(Boolean)).toHaveLength(1);
  expect(events.filter(({ type }) => type === "session-ended")).toHaveLength(1);
});

test("a session that ends while a caller waits for it is not found by that caller", async () => {
  const gate = new Gate();
  await using setup = await openManager({ wrap: (provider) => stopsBehind(provider, gate) });
  const { manager } = setup;
  const id = await manager.createSession({ userId: "alice" });
  const end = manager.endSession(id);
  await gate.reached;
  const visit = rejection(manager.getSession(id));
  gate.open();
  expect(await end).toBe(true);
  expect(await visit).toMatchObject({ code: "not-found" });
});

test("a command that runs while its session ends is lost, and nothing stays", async () => {
  await using setup = await openManager();
  const { manager, provider } = setup;
  const id = await manager.createSession({ userId: "alice" });
  const sandbox = await manager.getSession(id);
  const process = await sandbox.spawn("cat", { stdin: "open" });
  await manager.endSession(id);
  expect(await process.result).toMatchObject({ outcome: "lost" });
  expect(await runningKeys(provider)).toEqual([]);
});

test("an opener that gives up after the last session counted on it leaves nothing running", async () => {
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let hold = false;
  await using setup = await openManager({
    wrap: (provider) =>
      withSandboxes(provider, (sandbox) => ({
        status: async (options) => {
          asked.resolve();
          if (hold) await gate.promise;
          return sandbox.status(options);
        },
      })),
  });
  const { manager, provider } = setup;
  await manager.getOrCreate("alice");
  await manager.cleanupIdle(0);
  hold = true;
  const visit = manager.getSession("alice");
  await asked.promise;
  // Both wait behind the visit. The end leaves the sandbox to the opener, which then gives up.
  const end = manager.release("alice");
  await settle();
  const controller = new AbortController();
  const opener = rejection(manager.createSession({ userId: "alice", signal: controller.signal }));
  manager.subscribe(({ type }) => {
    if (type === "session-ended") controller.abort();
  });
  await settle();
  hold = false;
  gate.resolve();
  await visit;
  expect(await end).toBe(true);
  expect(await opener).toMatchObject({ code: "aborted" });
  expect(await runningKeys(provider)).toEqual([]);
  expect(manager.sessionCount).toBe(0);
});
