import { describe, expect, test } from "vitest";
import { Installation } from "../test/many-managers.ts";
import { Gate } from "../test/provider-doubles.ts";
import { rejection, settle } from "../test/test-manager.ts";
import { MAX_BUFFERED_EVENTS } from "./event-stream.ts";
import type { SessionEvent } from "./session-events.ts";
import { MAX_PRUNED_EVENTS } from "./session-store.ts";

const pathsOf = (events: readonly SessionEvent[]): unknown[] =>
  events.flatMap((event) => (event.type === "acquired" ? [event.path] : []));

describe("events", () => {
  test("tell by which path and how fast a caller came to a sandbox", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const { manager, events } = installation.start();
    const sandbox = await manager.getOrCreate("alice");
    await manager.getOrCreate("alice");
    await manager.cleanupIdle(0);
    await manager.getOrCreate("alice");
    await manager.cleanupIdle(0);
    await sandbox.execute("true");
    await provider.remove("alice");
    await sandbox.execute("true");
    provider.progress = [{ phase: "claiming" }];
    await manager.getOrCreate("bob");
    expect(pathsOf(events)).toEqual(["cold", "hit", "wake", "wake", "cold", "warm"]);
    for (const event of events) {
      if (event.type === "acquired") expect(event.durationMs).toBeGreaterThanOrEqual(0);
    }
  });

  test("tell the code of a start that failed", async () => {
    await using installation = new Installation();
    const { manager, events } = installation.start({ maxOpenSessions: 1 });
    await manager.getOrCreate("alice");
    await rejection(manager.getOrCreate("bob"));
    expect(events.at(-1)).toMatchObject({ type: "start-failed", key: "bob", code: "capacity" });
  });

  test("and describe show how far a start has come", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const gate = new Gate();
    provider.progress = [{ phase: "pulling", detail: "python:3.12-slim" }, { phase: "creating" }];
    provider.beforeCreate = () => gate.pass();
    const { manager, events } = installation.start();
    const opening = manager.getOrCreate("alice");
    await gate.reached;
    expect(manager.describe("alice")).toMatchObject({
      state: "starting",
      progress: { phase: "creating" },
    });
    gate.open();
    await opening;
    expect(manager.describe("alice")).toMatchObject({ state: "running", progress: null });
    expect(events.filter(({ type }) => type === "start-progress")).toMatchObject([
      { sessionId: "alice", phase: "pulling", detail: "python:3.12-slim" },
      { sessionId: "alice", phase: "creating" },
    ]);
  });

  test("of their own start alone are told to those who asked for it", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    provider.progress = [{ phase: "pulling", detail: "python:3.12-slim" }, { phase: "creating" }];
    const { manager } = installation.start();
    const told: unknown[][] = [[], []];
    await Promise.all([
      ...told.map((mine) =>
        manager.createSession({ onProgress: (progress) => void mine.push(progress) }),
      ),
      manager.createSession(),
    ]);
    expect(told).toEqual([provider.progress, provider.progress]);
  });

  test("are not told of a start that nobody waits for any more", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const gate = new Gate();
    provider.beforeCreate = async (_key, onProgress) => {
      await gate.pass();
      onProgress?.({ phase: "starting" });
    };
    const { manager, events } = installation.start();
    const controller = new AbortController();
    const opening = rejection(manager.getOrCreate("alice", { signal: controller.signal }));
    await gate.reached;
    controller.abort();
    await opening;
    gate.open();
    await settle();
    expect(events.filter(({ type }) => type === "start-progress")).toEqual([]);
  });
});

describe("the iterator of events", () => {
  test("gives them in order until its signal fires", async () => {
    await using installation = new Installation();
    const { manager } = installation.start();
    const controller = new AbortController();
    const stream = manager.events({ signal: controller.signal });
    await manager.getOrCreate("alice");
    await manager.release("alice");
    controller.abort();
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toEqual(["session-opened", "acquired", "session-ended"]);
    expect(stream.dropped).toBe(0);
    await manager.getOrCreate("bob");
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test("waits for what comes, and ends with the manager and with its reader", async () => {
    await using installation = new Installation();
    const { manager } = installation.start();
    const stream = manager.events();
    const next = stream.next();
    await manager.getOrCreate("alice");
    expect(await next).toMatchObject({ value: { type: "session-opened" } });
    expect(await stream.next()).toMatchObject({ value: { type: "acquired" } });
    const waiting = stream.next();
    const left = manager.events();
    await left.return();
    expect(await left.next()).toEqual({ done: true, value: undefined });
    await manager.shutdown();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  test("drops the oldest for a reader that is too slow, and counts them", async () => {
    await using installation = new Installation();
    const { manager } = installation.start();
    await manager.getOrCreate("alice");
    const stream = manager.events();
    for (let hit = 0; hit < MAX_BUFFERED_EVENTS + 5; hit++) await manager.getOrCreate("alice");
    expect(stream.dropped).toBe(5);
    await manager.release("alice");
    expect(stream.dropped).toBe(6);
    await stream.return();
  });
});

describe("the store's log", () => {
  test("has what happened, without what users did, and not each call", async () => {
    await using installation = new Installation();
    const { store } = installation;
    const { manager } = installation.start({ maxOpenSessions: 1 });
    await manager.getOrCreate("alice");
    await manager.getOrCreate("alice");
    await rejection(manager.getOrCreate("bob"));
    await manager.release("alice");
    await manager.shutdown();
    const logged = await store.events({ limit: 100 });
    expect(logged.map(({ type, sessionId, key }) => [type, sessionId, key])).toEqual([
      ["session-opened", "alice", "alice"],
      ["acquired", "alice", "alice"],
      ["start-failed", "bob", "bob"],
      ["session-ended", "alice", "alice"],
    ]);
    expect(logged[1]?.detail).toEqual({ path: "cold", durationMs: expect.any(Number) });
    expect(logged[2]?.detail).toEqual({ code: "capacity", durationMs: expect.any(Number) });
  });

  test("is written in the background, and pruned", async () => {
    await using installation = new Installation();
    const { store, clock } = installation;
    const { manager } = installation.start({ storeIntervalMs: 5, eventRetentionMs: 1000 });
    await manager.getOrCreate("alice");
    await expect.poll(async () => (await store.events({ limit: 10 })).length).toBe(2);
    clock.advance(1001);
    await manager.cleanupIdle(Infinity);
    expect(await store.events({ limit: 10 })).toEqual([]);
  });

  test("is pruned in one pass, however many lines are too old", async () => {
    await using installation = new Installation();
    const { manager, store } = installation.start({ eventRetentionMs: 1000 });
    let left = 25_000;
    installation.store.pruneEvents = async () => {
      const pruned = Math.min(left, MAX_PRUNED_EVENTS);
      left -= pruned;
      return pruned;
    };
    await manager.cleanupIdle();
    expect(left).toBe(0);
    expect(store.calls.filter((name) => name === "pruneEvents")).toHaveLength(3);
  });
});
