import { expect, test } from "vitest";
import { Installation } from "../test/many-managers.ts";
import type { Server } from "../test/many-managers.ts";
import { rejection } from "../test/test-manager.ts";

const TTL_MS = 30_000;
const FULL = { code: "capacity" };

/** The store was away for so long that it does not know any more what the server has in memory. */
function lapse({ clock }: Installation, { store }: Server): void {
  store.state = "down";
  clock.advance(TTL_MS);
  store.state = "up";
}

async function openFull(
  installation: Installation,
  options: { holderTtlMs?: number } = {},
): Promise<Server> {
  const server = installation.start({ maxResidentSandboxes: 2, ...options });
  for (const user of ["a", "b"]) await server.manager.getOrCreate(user);
  return server;
}

const running = ({ provider }: Installation): string[] =>
  Object.entries(provider.statuses())
    .filter(([, status]) => status === "running")
    .map(([key]) => key);

test("what a manager has in memory counts also after the store had given it up", async () => {
  await using installation = new Installation();
  const server = await openFull(installation);
  const { manager } = server;
  const leases = ["a", "b"].map((user) => manager.lease(user));
  lapse(installation, server);
  const newcomers = ["c", "d", "e"].map((user) => rejection(manager.getOrCreate(user)));
  for (const error of await Promise.all(newcomers)) expect(error).toMatchObject(FULL);
  expect(running(installation)).toEqual(["a", "b"]);
  for (const lease of leases) lease[Symbol.dispose]();
  await manager.getOrCreate("c");
  expect(running(installation)).toHaveLength(2);
});

test("nobody is let in before all of it is counted again", async () => {
  await using installation = new Installation();
  const server = await openFull(installation);
  const { manager, store } = server;
  using _a = manager.lease("a");
  using _b = manager.lease("b");
  lapse(installation, server);
  const { acquire } = store.store;
  let failures = 1;
  store.store.acquire = async (...values) => {
    if (failures-- > 0) throw new Error("The store is away again.");
    return acquire.apply(store.store, values);
  };
  await rejection(manager.getOrCreate("c"));
  expect(await rejection(manager.getOrCreate("c"))).toMatchObject(FULL);
  expect(running(installation)).toEqual(["a", "b"]);
});

test("what another manager let in meanwhile is put to sleep as for any newcomer, where it is idle", async () => {
  await using installation = new Installation();
  const first = await openFull(installation);
  const second = installation.start({ maxResidentSandboxes: 2, backgroundWork: "ignored" });
  using _a = first.manager.lease("a");
  using _b = first.manager.lease("b");
  lapse(installation, first);
  for (const user of ["c", "d"]) await second.manager.getOrCreate(user);
  expect(await rejection(first.manager.getOrCreate("e"))).toMatchObject(FULL);
  expect(await rejection(second.manager.getOrCreate("e"))).toMatchObject(FULL);
  expect(running(installation)).toEqual(["a", "b"]);
});

test("it is counted again with the next beat, though nobody calls", async () => {
  await using installation = new Installation();
  const holderTtlMs = 60;
  const { store, manager } = await openFull(installation, { holderTtlMs });
  using _a = manager.lease("a");
  using _b = manager.lease("b");
  const renewals = (): number => store.calls.filter((name) => name === "acquire").length;
  const before = renewals();
  installation.clock.advance(holderTtlMs);
  await expect.poll(renewals).toBe(before + 2);
  const other = installation.start({ maxResidentSandboxes: 2 });
  expect(await rejection(other.manager.getOrCreate("c"))).toMatchObject(FULL);
});

test("what another manager took over and put to sleep is woken by the next call", async () => {
  await using installation = new Installation();
  const first = await openFull(installation);
  const second = installation.start({ backgroundWork: "ignored" });
  const sandbox = await first.manager.getOrCreate("a");
  lapse(installation, first);
  await second.manager.getOrCreate("a");
  await second.manager.cleanupIdle(0);
  expect(running(installation)).toEqual(["b"]);
  await sandbox.execute("true");
  expect(running(installation)).toEqual(["a", "b"]);
});

test("what is put to sleep after a lapse counts no more", async () => {
  await using installation = new Installation();
  const server = await openFull(installation);
  lapse(installation, server);
  await server.manager.getOrCreate("a");
  await server.manager.cleanupIdle(0);
  const next = installation.start({ maxResidentSandboxes: 2 });
  for (const user of ["c", "d"]) await next.manager.getOrCreate(user);
  expect(running(installation)).toEqual(["c", "d"]);
});
