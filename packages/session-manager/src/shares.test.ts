import type { ManagedSandbox, MemoryBudget } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { Installation } from "../test/many-managers.ts";
import { Gate, override } from "../test/provider-doubles.ts";
import { rejection, settle } from "../test/test-manager.ts";
import type { SessionManager } from "./session-manager.ts";

const HOUR_MS = 3_600_000;
const MALLORY = { userId: "mallory", scope: "session" } as const;

/** Opens sessions until one is refused. @returns their ids, and why the next one was refused */
async function openAll(
  manager: SessionManager,
  options: Parameters<SessionManager["createSession"]>[0],
): Promise<{ ids: string[]; refusal: unknown }> {
  const ids: string[] = [];
  for (;;) {
    try {
      ids.push(await manager.createSession(options));
    } catch (refusal) {
      return { ids, refusal };
    }
  }
}

describe("shares of sessions", () => {
  test("createSession: one user opens all they can, and others still open theirs", async () => {
    await using installation = new Installation();
    const { manager } = installation.start();
    const { ids, refusal } = await openAll(manager, { userId: "mallory" });
    expect(ids).toHaveLength(200);
    expect(refusal).toMatchObject({
      code: "capacity",
      message: expect.stringMatching(
        /^This user has as many open sessions .*\(200\)\. End a session .* can raise maxOpenSessionsPerUser\.$/,
      ),
      setting: "maxOpenSessionsPerUser",
      retryAfterMs: expect.any(Number),
    });
    await manager.createSession({ userId: "alice" });
    await manager.createSession();
    await manager.getOrCreate("newcomer");
    await manager.endSession(ids[0]!);
    await manager.createSession({ userId: "mallory" });
  });

  test("createSession: callers without a user id share one share, over all managers", async () => {
    await using installation = new Installation();
    const managers = [1, 2].map(
      () => installation.start({ maxOpenSessionsPerUser: 6 }).manager,
    ) as [SessionManager, SessionManager];
    const calls = Array.from({ length: 40 }, (_, index) => managers[index % 2]!.createSession());
    const results = await Promise.allSettled(calls);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(6);
    for (const manager of managers) {
      expect(await rejection(manager.createSession())).toMatchObject({
        code: "capacity",
        message: expect.stringMatching(/without a user id.* pass a user id; .* can raise/),
      });
      await manager.createSession({ userId: "alice" });
    }
  });

  test("createSession: without shares given, one user has half of few, and Infinity is no share", async () => {
    await using installation = new Installation();
    const small = installation.start({ maxOpenSessions: 9 }).manager;
    expect((await openAll(small, { userId: "mallory" })).ids).toHaveLength(4);
    await using other = new Installation();
    const all = { maxOpenSessions: 9, maxOpenSessionsPerUser: Number.POSITIVE_INFINITY };
    const { ids } = await openAll(other.start(all).manager, { userId: "mallory" });
    expect(ids).toHaveLength(9);
  });

  test("cleanupIdle: sessions that nobody ever used end soon, of a user who has many of them", async () => {
    await using installation = new Installation();
    const { clock } = installation;
    const { manager, events } = installation.start({ maxOpenSessionsPerUser: 10 });
    const spare = (await openAll(manager, { userId: "mallory" })).ids;
    const used = spare.splice(0, 2);
    await manager.getSession(used[0]!);
    manager.lease(used[1]!)[Symbol.dispose]();
    const few = await manager.createSession({ userId: "alice" });
    await manager.cleanupIdle(0);
    clock.advance(HOUR_MS - 1);
    await manager.cleanupIdle();
    expect(await installation.store.count("mallory")).toBe(10);
    clock.advance(1);
    await manager.cleanupIdle();
    // So many as do not exceed half of the share.
    expect(await installation.store.count("mallory")).toBe(5);
    const ended = events.filter(({ type }) => type === "session-ended");
    expect(ended).toHaveLength(5);
    for (const event of ended) expect(event).toMatchObject({ reason: "unused" });
    for (const id of [...used, few]) expect(await manager.find(id)).not.toBeNull();
  });

  test("cleanupIdle: what another manager opened and a third one used is not taken for unused", async () => {
    await using installation = new Installation();
    const { clock } = installation;
    const options = { maxOpenSessionsPerUser: 4 };
    const [opener, user] = [installation.start(options), installation.start(options)];
    const ids = (await openAll(opener.manager, MALLORY)).ids;
    const sandbox = await user.manager.getSession(ids[0]!);
    await sandbox.execute("true");
    await Promise.all([opener, user].map(({ manager }) => manager.shutdown()));
    const { manager } = installation.start(options);
    for (let pass = 0; pass < 3; pass++) {
      clock.advance(HOUR_MS);
      await manager.cleanupIdle();
    }
    expect(await manager.find(ids[0]!)).not.toBeNull();
    expect(await installation.store.count("mallory")).toBe(2);
  });
});

describe("shares of running sandboxes", () => {
  test("getSession: one user works in all they can, and others still get theirs", async () => {
    await using installation = new Installation();
    const { manager } = installation.start({ backgroundWork: "ignored" });
    const ids = (await openAll(manager, MALLORY)).ids;
    for (const id of ids.slice(0, 20)) {
      await manager.getSession(id);
      manager.lease(id);
    }
    expect(await rejection(manager.getSession(ids[20]!))).toMatchObject({
      code: "capacity",
      message: expect.stringMatching(/^This user works in .* \(20\)\..* maxResidentSandboxesPer/),
    });
    await manager.getOrCreate("alice");
    await manager.createSession();
  });

  test("createSession: those without a user id put each other to sleep, and nobody else", async () => {
    await using installation = new Installation();
    const { provider, clock } = installation;
    const { manager } = installation.start({
      maxResidentSandboxesPerUser: 2,
      backgroundWork: "ignored",
    });
    await manager.getOrCreate("alice");
    clock.advance(1000);
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) ids.push(await manager.createSession());
    const running = Object.entries(provider.statuses()).filter(
      ([, status]) => status === "running",
    );
    expect(running.map(([key]) => key).toSorted()).toEqual(["alice", ...ids.slice(2)].toSorted());
  });

  test("createSession: others are asked for the room of callers without a user id", async () => {
    await using installation = new Installation();
    const options = { maxResidentSandboxesPerUser: 1, backgroundWork: "ignored" } as const;
    const [one, other] = [installation.start(options), installation.start(options)];
    await other.manager.getOrCreate("alice");
    const first = await other.manager.createSession();
    const second = await one.manager.createSession();
    expect(installation.provider.statuses()).toEqual({
      alice: "running",
      [first]: "stopped",
      [second]: "running",
    });
  });

  test("getOrCreate: the largest holder's idle sandboxes go before older ones of others", async () => {
    await using installation = new Installation();
    const { provider, clock } = installation;
    const { manager } = installation.start({
      maxResidentSandboxes: 8,
      maxResidentSandboxesPerUser: 6,
      backgroundWork: "ignored",
    });
    for (const user of ["alice", "bob"]) await manager.getOrCreate(user);
    clock.advance(HOUR_MS);
    const ids: string[] = [];
    for (let count = 0; count < 6; count++) {
      ids.push(await manager.createSession(MALLORY));
      clock.advance(1000);
    }
    const newcomers = ["n1", "n2", "n3", "n4"];
    for (const user of newcomers) await manager.getOrCreate(user);
    const awake = Object.entries(provider.statuses())
      .filter(([, status]) => status === "running")
      .map(([key]) => key);
    expect(awake.toSorted()).toEqual(["alice", "bob", ...newcomers, ...ids.slice(4)].toSorted());
  });
});

describe("shares of the engine's time", () => {
  test("createSession: 60 callers of one user keep places for a newcomer's start free", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const gate = new Gate();
    const begun: string[] = [];
    provider.beforeCreate = async (key) => {
      begun.push(key);
      if (key !== "newcomer") await gate.pass();
    };
    const { manager } = installation.start({ maxResidentSandboxesPerUser: 60 });
    const calls = Array.from({ length: 60 }, () => manager.createSession());
    await gate.reached;
    await settle();
    expect(begun).toHaveLength(4);
    expect(manager.load).toMatchObject({ runningStarts: 4, waitingStarts: 56 });
    // What waits has not asked the store either.
    expect(await installation.store.count(null)).toBe(4);
    await manager.getOrCreate("newcomer");
    gate.open();
    await Promise.all(calls);
  });

  test("createSession: users take turns, so that a newcomer waits for one start of each", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const gates: Gate[] = [];
    const begun: string[] = [];
    provider.beforeCreate = (key) => {
      const gate = new Gate();
      gates.push(gate);
      begun.push(key);
      return gate.pass();
    };
    const { manager } = installation.start({ maxConcurrentStarts: 1 });
    const calls: Promise<unknown>[] = Array.from({ length: 20 }, () =>
      manager.createSession(MALLORY),
    );
    calls.push(manager.getOrCreate("newcomer"));
    for (let index = 0; index < calls.length; index++) {
      while (gates.length <= index) await settle();
      gates[index]!.open();
    }
    await Promise.all(calls);
    expect(begun.indexOf("newcomer")).toBe(1);
  });

  test("createSession: callers without a user id have so many starts in all", async () => {
    await using installation = new Installation();
    const gate = new Gate();
    installation.provider.beforeCreate = (key) =>
      key === "alice" ? Promise.resolve() : gate.pass();
    const { manager } = installation.start({ maxStartsPerUser: 10 });
    const calls = Array.from({ length: 15 }, () => manager.createSession());
    const settled = Promise.allSettled(calls);
    expect(await rejection(calls[14]!)).toMatchObject({
      code: "capacity",
      message: expect.stringContaining("pass a user id"),
    });
    await manager.getOrCreate("alice");
    gate.open();
    const refused = (await settled).filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(5);
  });

  test("endSession: one user's ends take a part of the places, and nobody else waits for them", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const gate = new Gate();
    const begun: string[] = [];
    const remove = provider.remove.bind(provider);
    const { manager } = installation.start();
    const ids = await Promise.all(Array.from({ length: 16 }, () => manager.createSession()));
    const other = await manager.createSession({ userId: "alice", scope: "session" });
    provider.remove = async (key) => {
      begun.push(key);
      if (key !== other) await gate.pass();
      return remove(key);
    };
    const ends = ids.map((id) => manager.endSession(id));
    await gate.reached;
    await settle();
    expect(begun).toHaveLength(2);
    expect(await manager.endSession(other)).toBe(true);
    await manager.getOrCreate("newcomer");
    gate.open();
    expect(await Promise.all(ends)).toEqual(ids.map(() => true));
    expect(Object.keys(provider.statuses())).toEqual(["newcomer"]);
  });
});

describe("shares of what is put to sleep", () => {
  test("createSession: who replaces sandboxes all the time takes a part of the engine's time", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const { manager } = installation.start({
      maxResidentSandboxes: 12,
      maxResidentSandboxesPerUser: 8,
      backgroundWork: "ignored",
    });
    const gate = new Gate();
    let stopping = 0;
    const find = provider.find.bind(provider);
    const create = provider.create.bind(provider);
    const slow = (sandbox: ManagedSandbox): ManagedSandbox =>
      override(sandbox, {
        stop: async () => {
          stopping += 1;
          await gate.pass();
          return sandbox.stop();
        },
      });
    provider.find = async (key) => {
      const sandbox = await find(key);
      return sandbox && slow(sandbox);
    };
    provider.create = async (key, options) => slow(await create(key, options));
    for (let count = 0; count < 8; count++) await manager.createSession();
    const replacing = Array.from({ length: 6 }, () => manager.createSession());
    await gate.reached;
    await settle();
    expect(stopping).toBe(2);
    await manager.getOrCreate("newcomer");
    gate.open();
    await Promise.all(replacing);
    await manager.getOrCreate("another newcomer");
  });
});

describe("shares of memory", () => {
  test("memory: each user's sandboxes get one budget, below that of the process", async () => {
    await using installation = new Installation();
    const { provider } = installation;
    const given = new Map<string, MemoryBudget | undefined>();
    const create = provider.create.bind(provider);
    provider.create = (key, options = {}) => {
      given.set(key, options.memory);
      return create(key, options);
    };
    const { manager } = installation.start();
    const own = await Promise.all([1, 2].map(() => manager.createSession(MALLORY)));
    const nobody = await Promise.all([1, 2].map(() => manager.createSession()));
    await manager.getOrCreate("alice");
    const budgets = [...own, ...nobody, "alice"].map((key) => given.get(key));
    expect(new Set(budgets).size).toBe(3);
    expect(budgets.map((budget) => budget?.limitBytes)).toEqual(budgets.map(() => 128 * 1024 ** 2));
    expect(manager.memoryOf(own[1]!)).toBe(given.get(own[0]!));
    expect(manager.memoryOfUser("mallory")).toBe(given.get(own[0]!));
    expect(manager.memoryOf(nobody[0]!)).toBe(manager.memoryOfUser(null));
    expect(manager.memoryOf("unknown")).toBe(manager.memoryOfUser(null));
  });

  test("memory: one user who takes too much loses what is theirs, and nobody else notices", async () => {
    await using installation = new Installation();
    const { manager } = installation.start({ memoryPerUserBytes: 1000 });
    const ended: string[] = [];
    const alice = manager.memoryOfUser("alice").open(() => ended.push("alice"));
    const mallory = manager.memoryOfUser("mallory").open(() => ended.push("mallory"));
    expect(alice.add(900)).toBe(true);
    expect(mallory.add(1001)).toBe(false);
    expect(ended).toEqual(["mallory"]);
  });
});
