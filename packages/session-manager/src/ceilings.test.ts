import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { Installation } from "../test/many-managers.ts";
import { Gate } from "../test/provider-doubles.ts";
import { rejection, settle } from "../test/test-manager.ts";

async function outcomes(calls: Promise<unknown>[]): Promise<{ served: number; refused: number }> {
  const results = await Promise.allSettled(calls);
  let refused = 0;
  for (const result of results) {
    if (result.status === "fulfilled") continue;
    refused += 1;
    expect(result.reason).toMatchObject({ code: "capacity", retryAfterMs: expect.any(Number) });
  }
  return { served: results.length - refused, refused };
}

const users = (count: number): string[] => Array.from({ length: count }, (_, n) => `user-${n}`);

describe("ceilings", () => {
  test("of open sessions hold in a burst of 200 callers at three servers", async () => {
    await using installation = new Installation();
    const options = { maxOpenSessions: 20, maxQueuedStarts: 1000 };
    const servers = [1, 2, 3].map(() => installation.start(options).manager);
    const calls = users(200).map((user, index) => servers[index % 3]!.getOrCreate(user));
    expect(await outcomes(calls)).toEqual({ served: 20, refused: 180 });
    expect(await installation.store.count()).toBe(20);
    expect(installation.provider.machines.size).toBe(20);
  });

  test("of one user's sessions count that user's only", async () => {
    await using installation = new Installation();
    const { manager } = installation.start({ maxOpenSessionsPerUser: 2 });
    const calls = users(10).map(() => manager.createSession({ userId: "alice" }));
    expect(await outcomes(calls)).toEqual({ served: 2, refused: 8 });
    await manager.createSession({ userId: "bob" });
  });

  test("of resident sandboxes hold in a burst of 200 callers who all work", async () => {
    await using installation = new Installation();
    const gate = new Gate();
    installation.provider.beforeCreate = () => gate.pass();
    const { manager } = installation.start({ maxResidentSandboxes: 10, maxConcurrentStarts: 200 });
    const calls = users(200).map(async (user) => {
      await manager.getOrCreate(user);
      manager.lease(user);
    });
    const counted = outcomes(calls);
    await gate.reached;
    await settle();
    gate.open();
    expect(await counted).toEqual({ served: 10, refused: 190 });
    expect(installation.provider.machines.size).toBe(10);
    expect(await installation.store.count()).toBe(10);
  });

  test("of resident sandboxes put the one to sleep that was unused for longest", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const { manager, events } = installation.start({ maxResidentSandboxes: 3 });
    for (const user of ["a", "b", "c"]) {
      await manager.getOrCreate(user);
      clock.advance(1000);
    }
    const sandbox = await manager.getOrCreate("a");
    using _turn = manager.lease("b");
    clock.advance(1000);
    await manager.getOrCreate("d");
    expect(provider.statuses()).toEqual({
      a: "running",
      b: "running",
      c: "stopped",
      d: "running",
    });
    expect(events).toContainEqual({
      type: "session-slept",
      sessionId: "c",
      key: "c",
      reason: "evicted",
    });
    clock.advance(1000);
    await manager.getOrCreate("c");
    expect(provider.statuses()).toMatchObject({ a: "stopped", c: "running" });
    await sandbox.execute("true");
    expect(provider.statuses()).toMatchObject({ a: "running", d: "stopped" });
  });

  test("put nothing to sleep that somebody works in", async () => {
    await using installation = new Installation();
    const { manager } = installation.start({ maxResidentSandboxes: 1 });
    await manager.getOrCreate("alice");
    const lease = manager.lease("alice");
    expect(await rejection(manager.getOrCreate("bob"))).toMatchObject({
      code: "capacity",
      message: expect.stringContaining("awake"),
    });
    expect(manager.has("bob")).toBe(false);
    expect(await installation.store.count()).toBe(1);
    lease[Symbol.dispose]();
    await manager.getOrCreate("bob");
    expect(installation.provider.statuses()).toEqual({ alice: "stopped", bob: "running" });
  });

  test("of one user's resident sandboxes put only that user's to sleep", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const { manager } = installation.start({ maxResidentSandboxesPerUser: 1 });
    await manager.getOrCreate("bob");
    clock.advance(1000);
    const first = await manager.createSession({ userId: "alice", scope: "session" });
    const second = await manager.createSession({ userId: "alice", scope: "session" });
    expect(provider.statuses()).toEqual({
      bob: "running",
      [first]: "stopped",
      [second]: "running",
    });
  });

  test("two that need each other's place do not wait for each other", async () => {
    await using installation = new Installation();
    const { manager } = installation.start({
      maxResidentSandboxes: 2,
      backgroundWork: "ignored",
    });
    await Promise.all([manager.getOrCreate("a"), manager.getOrCreate("b")]);
    for (let round = 0; round < 20; round++) {
      const calls = ["a", "b", "c", "d"].map((user) => manager.getOrCreate(user));
      await outcomes(calls);
      expect(
        Object.values(installation.provider.statuses()).filter((status) => status !== "stopped")
          .length,
      ).toBeLessThan(3);
    }
  });
});

describe("the queue of starts", () => {
  test("lets so many go on at a time, in the order of their coming", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const gates = new Map(users(6).map((user) => [user, new Gate()]));
    const begun: string[] = [];
    provider.beforeCreate = (key) => {
      begun.push(key);
      return gates.get(key)!.pass();
    };
    const { manager } = installation.start({ maxConcurrentStarts: 2 });
    const calls = users(6).map((user) => manager.getOrCreate(user));
    await gates.get("user-1")!.reached;
    await settle();
    expect(begun).toEqual(["user-0", "user-1"]);
    expect(manager.load).toMatchObject({ runningStarts: 2, waitingStarts: 4 });
    expect(manager.describe("user-5")).toMatchObject({
      state: "starting",
      progress: { phase: "queued" },
    });
    for (const user of users(6)) {
      await gates.get(user)!.reached;
      gates.get(user)!.open();
    }
    await Promise.all(calls);
    expect(begun).toEqual(users(6));
    expect(manager.load).toMatchObject({ runningStarts: 0, waitingStarts: 0 });
  });

  test("is bounded, and who is refused hears when to come back", async () => {
    await using installation = new Installation();
    const gate = new Gate();
    installation.provider.beforeCreate = () => gate.pass();
    const { manager } = installation.start({ maxConcurrentStarts: 1, maxQueuedStarts: 2 });
    const calls = users(5).map((user) => manager.getOrCreate(user));
    const refused = calls.slice(3).map(rejection);
    for (const error of await Promise.all(refused)) {
      expect(error).toMatchObject({ code: "capacity" });
      expect(SandboxError.isInstance(error) && error.retryAfterMs).toBeGreaterThan(0);
    }
    gate.open();
    await Promise.all(calls.slice(0, 3));
    expect(await installation.store.count()).toBe(3);
  });

  test("is left by who gives up waiting, whose place goes to the next", async () => {
    await using installation = new Installation();
    const gate = new Gate();
    const begun: string[] = [];
    installation.provider.beforeCreate = (key) => {
      begun.push(key);
      return gate.pass();
    };
    const { manager } = installation.start({ maxConcurrentStarts: 1 });
    const first = manager.getOrCreate("first");
    const controller = new AbortController();
    const { signal } = controller;
    const impatient = users(50).map((user) => rejection(manager.getOrCreate(user, { signal })));
    const last = manager.getOrCreate("last");
    await gate.reached;
    await settle();
    controller.abort();
    for (const error of await Promise.all(impatient)) {
      expect(error).toMatchObject({ code: "aborted" });
    }
    expect(manager.load.waitingStarts).toBe(1);
    gate.open();
    await Promise.all([first, last]);
    expect(begun).toEqual(["first", "last"]);
    expect(await installation.store.count()).toBe(2);
  });

  test("is not for those whose sandbox is awake", async () => {
    await using installation = new Installation();
    const { manager } = installation.start({ maxConcurrentStarts: 1, maxQueuedStarts: 1 });
    await manager.getOrCreate("alice");
    const gate = new Gate();
    installation.provider.beforeCreate = () => gate.pass();
    const calls = users(2).map((user) => manager.getOrCreate(user));
    await gate.reached;
    await manager.getOrCreate("alice");
    await manager.createSession({ userId: "alice" });
    gate.open();
    await Promise.all(calls);
  });
});
