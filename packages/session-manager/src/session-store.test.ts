import { expect, test } from "vitest";
import { MemorySessionStore } from "./session-store.ts";
import type { SessionRecord } from "./session-store.ts";

const record = (id: string, createdAt = "2026-01-01T00:00:00.000Z"): SessionRecord => ({
  id,
  key: "alice",
  userId: "alice",
  scope: "user",
  createdAt,
});

test("a record is there from when it was put until it was deleted", async () => {
  const store = new MemorySessionStore();
  expect(await store.get("a")).toBeNull();
  expect(await store.putIfAbsent(record("a"))).toEqual(record("a"));
  expect(await store.get("a")).toEqual(record("a"));
  expect(await store.delete("a")).toBe(true);
  expect(await store.delete("a")).toBe(false);
  expect(await store.get("a")).toBeNull();
});

test("the first record of an id stays, and whoever comes later is given it", async () => {
  const store = new MemorySessionStore();
  await store.putIfAbsent(record("a"));
  expect(await store.putIfAbsent(record("a", "2027-01-01T00:00:00.000Z"))).toEqual(record("a"));
});

test("ids that mean something to objects are ids like any other", async () => {
  const store = new MemorySessionStore();
  expect(await store.get("__proto__")).toBeNull();
  expect(await store.get("constructor")).toBeNull();
  await store.putIfAbsent(record("__proto__"));
  expect(await store.get("__proto__")).toEqual(record("__proto__"));
});
