import { expect } from "vitest";
import type { SessionStore } from "../session-store.ts";
import { acquire, LONG_TTL_MS, openEstablished } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

async function lastUse(store: SessionStore, id: string): Promise<number> {
  return Date.parse((await store.get(id))?.lastUsedAt ?? "");
}

async function lastUseOfWorkspace(store: SessionStore, key: string): Promise<number> {
  return Date.parse((await store.workspace(key))?.lastUsedAt ?? "");
}

export const uses: StoreBehaviours = {
  "an earlier use does not hide a later one": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const opened = await lastUse(store, "one");
    await store.touch([{ sessionId: "one", agoMs: -MINUTE_MS }]);
    const later = await lastUse(store, "one");
    expect(later).toBeGreaterThanOrEqual(opened + MINUTE_MS);
    await store.touch([{ sessionId: "one", agoMs: HOUR_MS }]);
    expect(await lastUse(store, "one")).toBe(later);
  },

  "touch: a use is after the opening, though the clocks say that it was before": async (
    openStore,
  ) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const opened = await lastUse(store, "one");
    await store.touch([{ sessionId: "one", agoMs: HOUR_MS }]);
    expect(await lastUse(store, "one")).toBe(opened + 1);
  },

  "a use is as long ago as was told, by the store's clock": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const opened = await lastUse(store, "one");
    // Uses of the future are none; they only show what is subtracted.
    await store.touch([{ sessionId: "one", agoMs: -HOUR_MS }]);
    const later = await lastUse(store, "one");
    expect(later - opened).toBeGreaterThanOrEqual(HOUR_MS);
    expect(later - opened).toBeLessThan(HOUR_MS + MINUTE_MS);
  },

  "parts of a millisecond are no obstacle": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const opened = await lastUse(store, "one");
    await store.touch([{ sessionId: "one", agoMs: -HOUR_MS + 0.4321 }]);
    expect(await lastUse(store, "one")).toBeGreaterThanOrEqual(opened + HOUR_MS - 1);
  },

  "a use of a session is a use of its workspace": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    await acquire(store, "me", "bob");
    await openEstablished(store, "alice", "one");
    const [alice, bob] = await Promise.all([
      lastUseOfWorkspace(store, "alice"),
      lastUseOfWorkspace(store, "bob"),
    ]);
    await store.touch([{ sessionId: "one", agoMs: -HOUR_MS }]);
    expect(await lastUseOfWorkspace(store, "alice")).toBeGreaterThanOrEqual(alice + HOUR_MS);
    expect(await lastUseOfWorkspace(store, "bob")).toBe(bob);
  },

  "uses of unknown sessions, and no uses at all, are passed over": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    await store.touch([]);
    await store.touch([
      { sessionId: "nobody", agoMs: 0 },
      { sessionId: "one", agoMs: -HOUR_MS },
    ]);
    expect(await store.get("nobody")).toBeNull();
    expect(await store.workspace("alice")).toBeNull();
    expect(await lastUse(store, "one")).toBeGreaterThan(Date.parse("2000-01-01"));
  },

  "thousands of uses are told at once, of one session repeatedly": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const opened = await lastUse(store, "one");
    const told = Array.from({ length: 3000 }, (_, index) => ({
      sessionId: index % 3 === 0 ? "one" : `nobody-${index}`,
      agoMs: -index * 1000,
    }));
    await store.touch(told);
    expect(await lastUse(store, "one")).toBeGreaterThanOrEqual(opened + 2997 * 1000);
  },
};
