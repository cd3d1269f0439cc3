import { describe, expect, test } from "vitest";
import { Installation } from "../test/many-managers.ts";
import { rejection } from "../test/test-manager.ts";

const TTL = 30_000;

describe("the way to a live sandbox", () => {
  test("touches no store", async () => {
    await using installation = new Installation();
    const { manager, store } = installation.start();
    const sandbox = await manager.getOrCreate("alice");
    const id = await manager.createSession({ userId: "alice" });
    store.calls.length = 0;
    for (let call = 0; call < 100; call++) {
      await (await manager.getOrCreate("alice")).execute("true");
      await (await manager.getSession(id)).stat("a.txt");
      await rejection(sandbox.edit("a.txt", "a", "b"));
      manager.lease(id)[Symbol.dispose]();
    }
    expect(store.calls).toEqual([]);
  });

  test("costs the store one write for a wake from pause at most", async () => {
    await using installation = new Installation();
    const { manager, store } = installation.start();
    await manager.getOrCreate("alice");
    installation.clock.advance(5 * 60_000);
    await manager.cleanupIdle();
    store.calls.length = 0;
    await manager.getOrCreate("alice");
    expect(store.calls.filter((name) => name !== "beat")).toEqual(["acquire", "get", "record"]);
  });
});

describe("while the store is down", () => {
  test("live sandboxes are served, until others may have taken them over", async () => {
    await using installation = new Installation();
    const { clock } = installation;
    const { manager, store } = installation.start();
    const sandbox = await manager.getOrCreate("alice");
    store.state = "down";
    clock.advance(TTL - 1);
    await sandbox.execute("true");
    await manager.getOrCreate("alice");
    clock.advance(1);
    expect(await rejection(sandbox.execute("true"))).toMatchObject({ code: "unavailable" });
    expect(await rejection(manager.getOrCreate("alice"))).toMatchObject({ code: "unavailable" });
    store.state = "up";
    await sandbox.execute("true");
    expect(installation.provider.statuses()).toEqual({ alice: "running" });
  });

  test("nothing is put to sleep, and nothing is lost", async () => {
    await using installation = new Installation();
    const { manager, store, events } = installation.start();
    await manager.getOrCreate("alice");
    store.state = "down";
    await rejection(manager.cleanupIdle(0));
    expect(events).toContainEqual(expect.objectContaining({ type: "stop-failed", key: "alice" }));
    expect(installation.provider.statuses()).toEqual({ alice: "running" });
    store.state = "up";
    expect(await manager.cleanupIdle(0)).toBe(1);
  });

  test("who opens a session hears so, and nothing stays behind", async () => {
    await using installation = new Installation();
    const { manager, store } = installation.start();
    store.state = "down";
    expect(await rejection(manager.createSession())).toMatchObject({ code: "unavailable" });
    expect(await rejection(manager.getOrCreate("alice"))).toMatchObject({ code: "unavailable" });
    expect(await rejection(manager.getSession("bob"))).toMatchObject({ code: "unavailable" });
    store.state = "up";
    expect(manager.load.knownSessions).toBe(0);
    expect(installation.provider.machines.size).toBe(0);
    await manager.getOrCreate("alice");
  });

  test("uses and events wait, users do not, and the outage is told once", async () => {
    await using installation = new Installation();
    const { manager, store, events } = installation.start({ storeIntervalMs: 5 });
    await manager.getOrCreate("alice");
    store.state = "down";
    store.calls.length = 0;
    installation.clock.advance(1);
    await manager.getOrCreate("alice");
    await expect
      .poll(() => store.calls.filter((name) => name === "touch").length)
      .toBeGreaterThan(3);
    expect(events.filter(({ type }) => type === "store-failed")).toHaveLength(1);
    store.state = "up";
    await expect.poll(async () => (await installation.store.events({ limit: 10 })).length).toBe(2);
    expect(manager.unloggedEventCount).toBe(0);
  });
});

describe("an answer of the store that got lost", () => {
  test("leaves no reservation, no residency and no change behind", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const ceilings = { maxResidentSandboxes: 1, maxOpenSessions: 1 };
    const unlucky = installation.start({ ...ceilings, storeIntervalMs: 5 });
    unlucky.store.state = "answers-lost";
    await rejection(unlucky.manager.createSession());
    await rejection(unlucky.manager.getOrCreate("alice"));
    unlucky.store.state = "up";
    await expect.poll(() => installation.store.count()).toBe(0);
    await unlucky.manager.getOrCreate("alice");
    unlucky.store.state = "answers-lost";
    await rejection(unlucky.manager.cleanupIdle(0));
    await rejection(unlucky.manager.release("alice"));
    unlucky.store.state = "up";
    await unlucky.manager.release("alice");
    expect(provider.statuses()).toEqual({ alice: "stopped" });
    expect(await installation.store.count()).toBe(0);
    const other = installation.start(ceilings);
    await other.manager.getOrCreate("bob");
  });
});

test("uses reach the store: in the background, and when a sandbox falls asleep", async () => {
  await using installation = new Installation();
  const { clock, store } = installation;
  const { manager } = installation.start();
  await manager.getOrCreate("alice");
  const opened = (await store.get("alice"))!.lastUsedAt;
  clock.advance(10_000);
  await manager.getOrCreate("alice");
  clock.advance(20_000);
  await manager.cleanupIdle(0);
  const used = (await store.get("alice"))!.lastUsedAt;
  expect(Date.parse(used) - Date.parse(opened)).toBe(10_000);
  expect((await store.workspace("alice"))!.lastUsedAt).toBe(used);
});
