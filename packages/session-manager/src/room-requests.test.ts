import { describe, expect, test } from "vitest";
import { Installation } from "../test/many-managers.ts";
import type { Server } from "../test/many-managers.ts";
import { override } from "../test/provider-doubles.ts";
import { rejection } from "../test/test-manager.ts";
import { ROOM_REQUEST_TTL_MS } from "./session-store.ts";

const users = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

function keysThatSleep({ provider }: Installation): string[] {
  const statuses = Object.entries(provider.statuses());
  return statuses.filter(([, status]) => status === "stopped").map(([key]) => key);
}

/** Each has looked for requests thrice more: what the first of these looks took is answered by the last. */
async function lookAgain(servers: readonly Server[]): Promise<void> {
  const looks = ({ store }: Server): number =>
    store.calls.filter((call) => call === "takeRoomRequest").length;
  const wanted = servers.map((server) => looks(server) + 3);
  const haveLooked = (): boolean =>
    servers.every((server, index) => looks(server) >= wanted[index]!);
  await expect.poll(haveLooked, { timeout: 15_000, interval: 100 }).toBe(true);
}

describe.concurrent("where servers share a ceiling", { timeout: 30_000 }, () => {
  test("who comes to one server gets the room of who is idle at another, for a wake too", async () => {
    await using installation = new Installation();
    const [full, other] = [1, 2].map(() => installation.start({ maxResidentSandboxes: 3 }));
    const alice = await other!.manager.getOrCreate("alice");
    await other!.manager.cleanupIdle(0);
    for (const user of users("resident", 3)) {
      await full!.manager.getOrCreate(user);
      installation.clock.advance(1);
    }
    await alice.execute("true");
    expect(keysThatSleep(installation)).toEqual(["resident-0"]);
    expect(full!.events).toContainEqual(
      expect.objectContaining({ type: "session-slept", key: "resident-0", reason: "evicted" }),
    );
  });

  test("as many go to sleep elsewhere as come, and no more", async () => {
    await using installation = new Installation();
    const options = { maxResidentSandboxes: 12 };
    const servers = [1, 2, 3].map(() => installation.start(options));
    await Promise.all(users("one", 6).map((user) => servers[0]!.manager.getOrCreate(user)));
    await Promise.all(users("two", 6).map((user) => servers[1]!.manager.getOrCreate(user)));
    const newcomers = users("newcomer", 5);
    await Promise.all(newcomers.map((user) => servers[2]!.manager.getOrCreate(user)));
    // Whoever asked twice must not be answered twice.
    await lookAgain(servers);
    expect(keysThatSleep(installation)).toHaveLength(5);
  });

  test("where one server finds none idle another is asked", async () => {
    await using installation = new Installation();
    const options = { maxResidentSandboxes: 2 };
    const servers = [1, 2, 3].map(() => installation.start(options).manager);
    await servers[0]!.getOrCreate("working");
    using _turn = servers[0]!.lease("working");
    await servers[1]!.getOrCreate("resting");
    await servers[2]!.getOrCreate("newcomer");
    expect(keysThatSleep(installation)).toEqual(["resting"]);
  });

  test("a user's own ceiling makes room of that user's sandboxes elsewhere", async () => {
    await using installation = new Installation();
    const options = { maxResidentSandboxesPerUser: 1 };
    const [first, second] = [1, 2].map(() => installation.start(options).manager);
    await first!.getOrCreate("bob");
    installation.clock.advance(1);
    const one = await first!.createSession({ userId: "alice", scope: "session" });
    await second!.createSession({ userId: "alice", scope: "session" });
    expect(keysThatSleep(installation)).toEqual([one]);
  });

  test("one that takes long to stop keeps nobody else waiting, and no other goes in its place", async () => {
    await using installation = new Installation();
    const { provider, clock } = installation;
    const options = { maxResidentSandboxes: 6, backgroundWork: "ignored" as const };
    const servers = [1, 2, 3].map(() => installation.start(options));
    const create = provider.create.bind(provider);
    provider.create = async (key, createOptions) => {
      const sandbox = await create(key, createOptions);
      const stop = async (): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, ROOM_REQUEST_TTL_MS + 1000));
        await sandbox.stop();
      };
      return key === "slow" ? override(sandbox, { stop }) : sandbox;
    };
    for (const user of ["slow", ...users("one", 2)]) {
      await servers[0]!.manager.getOrCreate(user);
      clock.advance(1);
    }
    for (const user of users("two", 3)) await servers[1]!.manager.getOrCreate(user);
    const turns = users("two", 3).map((user) => servers[1]!.manager.lease(user));
    const newcomers = users("newcomer", 3).map(async (user) => {
      await servers[2]!.manager.getOrCreate(user);
      turns.push(servers[2]!.manager.lease(user));
    });
    await Promise.all(newcomers);
    await lookAgain(servers);
    expect(keysThatSleep(installation).toSorted()).toEqual(["one-0", "one-1", "slow"]);
    for (const turn of turns) turn[Symbol.dispose]();
  });

  test("for those who gave up nobody goes to sleep", async () => {
    await using installation = new Installation();
    const options = { maxResidentSandboxes: 6 };
    const servers = [1, 2].map(() => installation.start(options));
    const [full, other] = servers.map(({ manager }) => manager);
    await Promise.all(users("resident", 6).map((user) => full!.getOrCreate(user)));
    for (let round = 0; round < 10; round++) {
      const signal = AbortSignal.timeout(20);
      const calls = users(`round-${round}`, 4).map((user) => other!.getOrCreate(user, { signal }));
      await Promise.allSettled(calls);
    }
    await lookAgain(servers);
    // One may have been taken in the very moment in which it stood.
    expect(keysThatSleep(installation).length).toBeLessThanOrEqual(2);
  });

  test("one user's requests do not bury those of others", async () => {
    await using installation = new Installation();
    const options = {
      maxResidentSandboxes: 8,
      maxResidentSandboxesPerUser: 2,
      maxConcurrentStarts: 40,
    };
    const [full, other] = [1, 2].map(() => installation.start(options).manager);
    const own = await Promise.all(
      [1, 2].map(() => full!.createSession({ userId: "mallory", scope: "session" })),
    );
    const turns = own.map((id) => full!.lease(id));
    await Promise.all(users("resident", 6).map((user) => full!.getOrCreate(user)));
    const flood = Array.from({ length: 100 }, () =>
      rejection(other!.createSession({ userId: "mallory", scope: "session" })),
    );
    await Promise.all(users("newcomer", 3).map((user) => other!.getOrCreate(user)));
    for (const error of await Promise.all(flood)) expect(error).toMatchObject({ code: "capacity" });
    expect(keysThatSleep(installation)).toHaveLength(3);
    for (const turn of turns) turn[Symbol.dispose]();
  });

  test("of a crowd only so many wait for others as the store can bear", async () => {
    await using installation = new Installation();
    const options = { maxResidentSandboxes: 1, maxConcurrentStarts: 40 };
    const [full, other] = [1, 2].map(() => installation.start(options));
    await full!.manager.getOrCreate("working");
    using _turn = full!.manager.lease("working");
    const asked: number[] = [];
    const newcomers = users("newcomer", 40).map(async (user) => {
      const error = await rejection(other!.manager.getOrCreate(user));
      expect(error).toMatchObject({ code: "capacity", retryAfterMs: expect.any(Number) });
      asked.push(other!.store.calls.filter((call) => call === "requestRoom").length);
    });
    await Promise.all(newcomers);
    expect(asked.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => 32));
    expect(asked.at(-1)).toBeLessThanOrEqual(64);
  });

  test("a server that cannot ask its store tells that once, and answers when it can", async () => {
    await using installation = new Installation();
    const [full, other] = [1, 2].map(() =>
      installation.start({ maxResidentSandboxes: 1, storeIntervalMs: 60_000 }),
    );
    await full!.manager.getOrCreate("resting");
    full!.store.state = "down";
    expect(await rejection(other!.manager.getOrCreate("newcomer"))).toMatchObject({
      code: "capacity",
    });
    expect(full!.events.filter(({ type }) => type === "store-failed")).toHaveLength(1);
    expect(full!.store.calls.filter((call) => call === "takeRoomRequest").length).toBeGreaterThan(
      3,
    );
    full!.store.state = "up";
    await other!.manager.getOrCreate("newcomer");
    expect(keysThatSleep(installation)).toEqual(["resting"]);
  });

  test("what is used elsewhere counts, and is left alone", async () => {
    await using installation = new Installation();
    const first = installation.start({ maxResidentSandboxes: 1 });
    const second = installation.start({ maxResidentSandboxes: 1 });
    await first.manager.getOrCreate("alice");
    using _turn = first.manager.lease("alice");
    expect(await rejection(second.manager.getOrCreate("bob"))).toMatchObject({ code: "capacity" });
    expect(installation.provider.statuses()).toEqual({ alice: "running" });
    await second.manager.getOrCreate("alice");
  });
});
