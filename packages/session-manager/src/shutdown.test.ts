import { expect, test } from "vitest";
import { failsToStop, Fault, Gate, startsBehind } from "../test/provider-doubles.ts";
import { openManager, rejection, runningKeys, statusOf } from "../test/test-manager.ts";

test("shutdown stops all sandboxes, keeps their files, and says how many sessions it stopped", async () => {
  await using setup = await openManager();
  const { manager, provider } = setup;
  const id = await manager.createSession();
  await (await manager.getSession(id)).write("kept.txt", "kept");
  await manager.getOrCreate("alice");
  await manager.createSession({ userId: "alice" });
  await manager.getOrCreate("asleep");
  await (await manager.getOrCreate("asleep")).stat(".");
  await (await provider.find("asleep"))!.stop();
  expect(await manager.shutdown()).toBe(4);
  expect(await runningKeys(provider)).toEqual([]);
  const kept = (await provider.find(id))!;
  await kept.resume();
  expect(await kept.read("kept.txt")).toEqual(new Uint8Array(Buffer.from("kept")));
  expect(manager.sessionCount).toBe(0);
});

test("shutdown does not count what slept already", async () => {
  await using setup = await openManager();
  await setup.manager.getOrCreate("alice");
  await setup.manager.cleanupIdle(0);
  expect(await setup.manager.shutdown()).toBe(0);
});

test("after shutdown every verb throws unavailable, and sandboxes that callers hold too", async () => {
  await using setup = await openManager();
  const { manager, provider } = setup;
  const sandbox = await manager.getOrCreate("alice");
  await manager.shutdown();
  const closed = { code: "unavailable", message: expect.stringContaining("shut down") };
  await expect(manager.createSession()).rejects.toMatchObject(closed);
  await expect(manager.getOrCreate("alice")).rejects.toMatchObject(closed);
  await expect(manager.getSession("alice")).rejects.toMatchObject(closed);
  await expect(manager.endSession("alice")).rejects.toMatchObject(closed);
  await expect(manager.release("alice")).rejects.toMatchObject(closed);
  await expect(manager.cleanupIdle()).rejects.toMatchObject(closed);
  expect(() => manager.startCleanupLoop()).toThrow(expect.objectContaining(closed));
  expect(() => manager.lease("alice")).toThrow(expect.objectContaining(closed));
  await expect(sandbox.stat(".")).rejects.toMatchObject(closed);
  expect(await statusOf(provider, "alice")).toBe("stopped");
  await manager.stopCleanupLoop();
  expect(manager.sessions.size).toBe(0);
});

test("shutdown is idempotent, and one that is called meanwhile waits for the first", async () => {
  await using setup = await openManager();
  const { manager } = setup;
  await manager.getOrCreate("alice");
  expect(await Promise.all([manager.shutdown(), manager.shutdown()])).toEqual([1, 1]);
  expect(await manager.shutdown()).toBe(0);
});

test("leaving the scope shuts down", async () => {
  await using setup = await openManager();
  {
    await using manager = setup.manager;
    manager.startCleanupLoop();
    await manager.getOrCreate("alice");
  }
  expect(await runningKeys(setup.provider)).toEqual([]);
});

test("shutdown ends what runs: commands are lost", async () => {
  await using setup = await openManager();
  const { manager } = setup;
  const process = await (await manager.getOrCreate("alice")).spawn("cat", { stdin: "open" });
  using _turn = manager.lease("alice");
  expect(await manager.shutdown()).toBe(1);
  expect(await process.result).toMatchObject({ outcome: "lost" });
});

test("shutdown breaks off starts that hang", async () => {
  const gate = new Gate();
  await using setup = await openManager({ wrap: (provider) => startsBehind(provider, gate) });
  const { manager } = setup;
  const opening = [manager.getOrCreate("alice"), manager.getOrCreate("alice")].map(rejection);
  await gate.reached;
  expect(await manager.shutdown()).toBe(0);
  for (const error of await Promise.all(opening)) {
    expect(error).toMatchObject({ code: "unavailable" });
  }
});

test("a sandbox that is made after shutdown is stopped all the same", async () => {
  const gate = new Gate();
  await using setup = await openManager({
    wrap: (provider) => startsBehind(provider, gate),
  });
  const { manager, provider } = setup;
  const opening = rejection(manager.getOrCreate("alice"));
  await gate.reached;
  await manager.shutdown();
  await opening;
  gate.open();
  await expect.poll(() => statusOf(provider, "alice")).toBe("stopped");
});

test("a stop that fails strands nobody, reaches the caller, and is tried again", async () => {
  const fault = new Fault(1);
  await using setup = await openManager({ wrap: (provider) => failsToStop(provider, fault) });
  const { manager, provider } = setup;
  await Promise.all(["a", "b", "c"].map((key) => manager.getOrCreate(key)));
  await expect(manager.shutdown()).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("1 sandboxes"),
    cause: { errors: [{ message: "stop fails on purpose." }] },
  });
  expect(await runningKeys(provider)).toHaveLength(1);
  expect([...manager.sessions.keys()]).toEqual(await runningKeys(provider));
  expect(await manager.shutdown()).toBe(1);
  expect(await runningKeys(provider)).toEqual([]);
});

test("shutdown finishes ends that failed", async () => {
  const fault = new Fault(1);
  await using setup = await openManager({ wrap: (provider) => failsToStop(provider, fault) });
  const { manager, provider } = setup;
  await manager.getOrCreate("alice");
  await rejection(manager.release("alice"));
  expect(await manager.shutdown()).toBe(1);
  expect(manager.has("alice")).toBe(false);
  expect(await runningKeys(provider)).toEqual([]);
});
