import { expect, test } from "vitest";
import { MAX_EVENTS_IN_MEMORY, MemorySessionStore } from "./memory-session-store.ts";
import { describeSessionStoreConformance } from "./store-conformance/index.ts";

describeSessionStoreConformance({
  name: "MemorySessionStore",
  async create() {
    const store = new MemorySessionStore();
    return { openStore: async () => store, async [Symbol.asyncDispose]() {} };
  },
});

const NO_CEILINGS = {
  maxResidentSandboxes: Number.POSITIVE_INFINITY,
  maxResidentSandboxesPerUser: Number.POSITIVE_INFINITY,
};

test("a holder lives until its time is over, to the millisecond", async () => {
  let now = 1_000_000;
  const store = new MemorySessionStore({ now: () => now });
  await store.beat("me", 30_000);
  now += 29_999;
  expect(await store.beat("me", 30_000)).toBe(true);
  now += 30_000;
  expect(await store.beat("me", 30_000)).toBe(false);
});

test("a clock that is set back makes no holder immortal", async () => {
  let now = Date.parse("2026-01-02T00:00:00Z");
  const store = new MemorySessionStore({ now: () => now });
  await store.beat("killed", 30_000);
  await store.acquire({ key: "alice", userId: "alice", holder: "killed" }, NO_CEILINGS);
  now = Date.parse("2026-01-01T00:00:00Z");
  await store.beat("me", 60_000);
  now += 29_999;
  expect(await store.beginChange("alice", "me")).toBe(false);
  now += 1;
  expect(await store.beginChange("alice", "me")).toBe(true);
});

test("a clock that is set back takes nothing from those who live", async () => {
  let now = Date.parse("2026-01-02T00:00:00Z");
  const store = new MemorySessionStore({ now: () => now });
  const limits = { ...NO_CEILINGS, maxResidentSandboxes: 1 };
  for (const holder of ["me", "you"]) await store.beat(holder, 30_000);
  await store.acquire({ key: "alice", userId: "alice", holder: "me" }, limits);
  now -= 5000;
  expect(await store.acquire({ key: "bob", userId: "bob", holder: "you" }, limits)).toMatchObject({
    outcome: "full",
  });
  expect(await store.beat("me", 30_000)).toBe(true);
});

test("times are of the clock that was passed in", async () => {
  const store = new MemorySessionStore({ now: () => Date.parse("2026-01-02T03:04:05.678Z") });
  await store.record("alice", { status: "running", sandboxId: "box" });
  expect(await store.workspace("alice")).toMatchObject({ createdAt: "2026-01-02T03:04:05.678Z" });
});

test("the log is bounded: the oldest events make room", async () => {
  const store = new MemorySessionStore();
  const event = { sessionId: null, key: null, detail: {} };
  for (let index = 0; index < 3; index++) {
    const types = Array.from({ length: MAX_EVENTS_IN_MEMORY / 2 }, () => `batch-${index}`);
    await store.log(types.map((type) => ({ type, ...event })));
  }
  const [oldest] = await store.events({ limit: 1 });
  expect(oldest).toMatchObject({ type: "batch-1", sequence: MAX_EVENTS_IN_MEMORY / 2 + 1 });
});
