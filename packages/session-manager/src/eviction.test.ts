import { describe, expect, test } from "vitest";
import { Installation } from "../test/many-managers.ts";
import type { Server } from "../test/many-managers.ts";
import { override } from "../test/provider-doubles.ts";
import { rejection } from "../test/test-manager.ts";

const RESIDENTS = 40;
const users = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

/** At its ceiling; the first of all residents is the one that was unused for longest. */
async function openFull(
  installation: Installation,
  { residents, works }: { residents: string[]; works: (key: string) => boolean },
): Promise<Server & { lookedAt: Set<string> }> {
  const { provider, clock } = installation;
  const server = installation.start({
    maxResidentSandboxes: residents.length,
    maxConcurrentStarts: 2,
  });
  for (const user of residents) {
    await server.manager.getOrCreate(user);
    clock.advance(1);
  }
  const lookedAt = new Set<string>();
  provider.cpuMs.get = (key) => {
    lookedAt.add(key);
    return works(key) ? performance.now() : 0;
  };
  return Object.assign(server, { lookedAt });
}

/** Its own program does not tell what runs in it: somebody put another in its place. */
function keepsSilent(installation: Installation, isSilent: (key: string) => boolean): void {
  const { provider } = installation;
  const create = provider.create.bind(provider);
  provider.create = async (key, options) => {
    const sandbox = await create(key, options);
    return isSilent(key) ? override(sandbox, { processes: () => new Promise(() => {}) }) : sandbox;
  };
}

describe.concurrent("where a place is needed", { timeout: 30_000 }, () => {
  test("where all work newcomers hear so soon, and keep nobody waiting who only has to be woken", async () => {
    await using installation = new Installation();
    const residents = ["alice", ...users("resident", RESIDENTS - 1)];
    const { manager } = await openFull(installation, { residents, works: () => true });
    const alice = await manager.getOrCreate("alice");
    using _turn = manager.lease("alice");
    // Somebody stopped her container; her place among the residents is hers.
    installation.provider.machines.get("alice")!.status = "stopped";
    const startedAt = performance.now();
    let refused = 0;
    const newcomers = users("newcomer", 20).map(async (user) => {
      expect(await rejection(manager.getOrCreate(user))).toMatchObject({ code: "capacity" });
      refused += 1;
    });
    await alice.execute("true");
    expect(refused).toBe(0);
    await Promise.all(newcomers);
    expect(performance.now() - startedAt).toBeLessThan(6000);
    expect(manager.load).toMatchObject({ runningStarts: 0, waitingStarts: 0 });
  });

  test("the one goes that was unused for longest of those that do not work", async () => {
    await using installation = new Installation();
    const residents = users("resident", 8);
    const working = residents.slice(0, 5);
    const { manager } = await openFull(installation, {
      residents,
      works: (key) => working.includes(key),
    });
    await manager.getOrCreate("newcomer");
    const statuses = Object.entries(installation.provider.statuses());
    const asleep = statuses.filter(([, status]) => status === "stopped").map(([key]) => key);
    expect(asleep).toEqual(["resident-5"]);
  });

  test("one that does not tell whether it works is passed over", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const create = provider.create.bind(provider);
    provider.create = async (key, options) => {
      const sandbox = await create(key, options);
      if (key !== "resident-0") return sandbox;
      return override(sandbox, { usage: () => new Promise(() => {}) });
    };
    const residents = users("resident", 2);
    const { manager } = await openFull(installation, { residents, works: () => false });
    await manager.getOrCreate("newcomer");
    expect(provider.statuses()).toMatchObject({ "resident-0": "running", "resident-1": "stopped" });
  });

  test("newcomers who look at the same time find a place each", async () => {
    await using installation = new Installation();
    const residents = users("resident", 4);
    const { manager } = await openFull(installation, { residents, works: () => false });
    await Promise.all(users("newcomer", 4).map((user) => manager.getOrCreate(user)));
    expect(installation.provider.statuses()).toEqual({
      ...Object.fromEntries(residents.map((key) => [key, "stopped"])),
      ...Object.fromEntries(users("newcomer", 4).map((key) => [key, "running"])),
    });
  });

  test("who looks again begins with those that did not work when they were last looked at", async () => {
    await using installation = new Installation();
    const residents = users("resident", 160);
    const idle = residents.at(-1)!;
    const { manager } = await openFull(installation, { residents, works: (key) => key !== idle });
    const outcomes: string[] = [];
    while (outcomes.at(-1) !== "served" && outcomes.length < 10) {
      outcomes.push(
        await manager.getOrCreate("newcomer").then(
          () => "served",
          () => "refused",
        ),
      );
    }
    expect([outcomes[0], outcomes.at(-1)]).toEqual(["refused", "served"]);
    expect(installation.provider.statuses()[idle]).toBe("stopped");
  });

  test("those that keep silent take no place from those that told to be idle, and nobody's time", async () => {
    await using installation = new Installation();
    const silent = users("silent", 20);
    const residents = [...silent, ...users("resident", 4)];
    keepsSilent(installation, (key) => silent.includes(key));
    const { manager } = await openFull(installation, { residents, works: () => false });
    const startedAt = performance.now();
    await manager.getOrCreate("newcomer");
    expect(performance.now() - startedAt).toBeLessThan(6000);
    for (const user of users("later", 3)) await manager.getOrCreate(user);
    const asleep = Object.values(installation.provider.statuses());
    expect(asleep.filter((status) => status === "stopped")).toHaveLength(4);
  });

  test("one that keeps silent is judged by what the engine tells", async () => {
    await using installation = new Installation();
    const residents = users("silent", 18);
    keepsSilent(installation, () => true);
    const { manager } = await openFull(installation, {
      residents,
      works: (key) => key === "silent-0",
    });
    installation.clock.advance(31 * 60_000);
    const startedAt = performance.now();
    expect(await manager.cleanupIdle()).toBe(17);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(installation.provider.statuses()).toMatchObject({ "silent-0": "running" });
  });

  test("the search ends with the newcomer who gives up", async () => {
    await using installation = new Installation();
    const residents = users("resident", RESIDENTS);
    const { manager, lookedAt } = await openFull(installation, { residents, works: () => true });
    const controller = new AbortController();
    const newcomer = manager.getOrCreate("newcomer", { signal: controller.signal });
    await expect.poll(() => lookedAt.size).toBeGreaterThan(0);
    const before = lookedAt.size;
    controller.abort();
    expect(await rejection(newcomer)).toMatchObject({ code: "aborted" });
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(lookedAt.size).toBe(before);
    expect(before).toBeLessThan(RESIDENTS);
  });

  test("after a crash idle ones make room where others were let in before the rest was adopted", async () => {
    await using installation = new Installation();
    const { clock, provider } = installation;
    const options = { maxResidentSandboxes: 2, backgroundWork: "ignored" as const };
    const crashed = installation.start(options);
    for (const user of ["a", "b"]) await crashed.manager.getOrCreate(user);
    crashed.kill();
    clock.advance(30_000);
    const { manager } = installation.start(options);
    for (const user of ["c", "d"]) await manager.getOrCreate(user);
    using _turn = manager.lease("d");
    expect(await manager.recover()).toMatchObject({ adopted: 2, failed: 0 });
    const awake = Object.entries(provider.statuses()).filter(([, status]) => status === "running");
    expect(awake).toHaveLength(2);
    expect(provider.statuses()).toMatchObject({ c: "stopped", d: "running" });
  });
});
