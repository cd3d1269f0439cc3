import { expect, test } from "vitest";
import { Deadline } from "./deadline.ts";
import { MemorySessionStore } from "./memory-session-store.ts";
import type { SessionEvent } from "./session-events.ts";
import { SessionLog } from "./session-log.ts";

const woken = (key: string): SessionEvent => ({ type: "session-woken", sessionId: key, key });

test("SessionLog: one user's many lines push out nobody else's while the store is down", async () => {
  const store = new MemorySessionStore();
  const log = new SessionLog(store, (key) => key);
  log.add(woken("alice"));
  for (let index = 0; index < 20_000; index++) log.add(woken("mallory"));
  log.add(woken("bob"));
  expect(log.lost).toBe(19_000);
  using deadline = new Deadline({ timeoutMs: 10_000, failure: "The log could not be written" });
  const write = store.log.bind(store);
  store.log = async () => {
    throw new Error("on purpose");
  };
  await expect(log.flush(deadline)).rejects.toThrow("on purpose");
  store.log = write;
  await log.flush(deadline);
  for (const [key, count] of [
    ["alice", 1],
    ["mallory", 1000],
    ["bob", 1],
  ] as const) {
    expect(await store.events({ key, limit: 1000 })).toHaveLength(count);
  }
  // What was written waits no more: there is room again.
  log.add(woken("mallory"));
  expect(log.lost).toBe(19_000);
});

test("SessionLog: of too many lines of all users the oldest are lost, and counted", async () => {
  const store = new MemorySessionStore();
  const log = new SessionLog(store, (key) => key);
  for (let index = 0; index < 10_010; index++) log.add(woken(`user-${index}`));
  expect(log.lost).toBe(10);
  using deadline = new Deadline({ timeoutMs: 10_000, failure: "The log could not be written" });
  await log.flush(deadline);
  expect(await store.events({ limit: 1 })).toMatchObject([{ key: "user-10" }]);
});
