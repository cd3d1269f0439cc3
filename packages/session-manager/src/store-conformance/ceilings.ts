import { expect } from "vitest";
import {
  acquire,
  LONG_TTL_MS,
  NO_CEILINGS,
  openEstablished,
  sessionOf,
} from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

export const ceilings: StoreBehaviours = {
  "one session more than may be open is refused, and leaves no trace": async (openStore) => {
    const store = await openStore();
    const limits = { ...NO_CEILINGS, maxOpenSessions: 2 };
    await store.open(sessionOf("alice", "one"), limits);
    await store.open(sessionOf("bob", "two"), limits);
    const refused = await store.open(sessionOf("carol", "three"), limits);
    expect(refused).toEqual({ outcome: "full", ceiling: "maxOpenSessions" });
    expect(await store.get("three")).toBeNull();
    expect(await store.count()).toBe(2);
    await store.close("one");
    expect(await store.open(sessionOf("carol", "three"), limits)).toMatchObject({
      outcome: "opened",
    });
  },

  "a user's own ceiling stops that user alone": async (openStore) => {
    const store = await openStore();
    const limits = { ...NO_CEILINGS, maxOpenSessionsPerUser: 1 };
    await store.open(sessionOf("alice", "one"), limits);
    const refused = await store.open(sessionOf("alice", "two"), limits);
    expect(refused).toEqual({ outcome: "full", ceiling: "maxOpenSessionsPerUser" });
    expect(await store.open(sessionOf("bob", "two"), limits)).toMatchObject({ outcome: "opened" });
  },

  "sessions without a user id count as those of one user, over all who use the store": async (
    openStore,
  ) => {
    const stores = [await openStore(), await openStore()] as const;
    const limits = { ...NO_CEILINGS, maxOpenSessionsPerUser: 2 };
    for (const [index, id] of ["one", "two"].entries()) {
      const opened = await stores[index % 2]!.open(sessionOf(null, id), limits);
      expect(opened).toMatchObject({ outcome: "opened" });
    }
    for (const store of stores) {
      const refused = await store.open(sessionOf(null, "three"), limits);
      expect(refused).toEqual({ outcome: "full", ceiling: "maxOpenSessionsPerUser" });
      expect(await store.count(null)).toBe(2);
    }
    const alice = await stores[0].open(sessionOf("alice", "of alice"), limits);
    expect(alice).toMatchObject({ outcome: "opened" });
    expect(await stores[1].count(null)).toBe(2);
    expect(await stores[1].count("alice")).toBe(1);
    expect(await stores[1].count()).toBe(3);
    await stores[1].close("one");
    const next = await stores[0].open(sessionOf(null, "three"), limits);
    expect(next).toMatchObject({ outcome: "opened" });
  },

  "of many who open a last session without a user id at once, one does": async (openStore) => {
    const stores = await Promise.all([openStore(), openStore(), openStore()]);
    const limits = { ...NO_CEILINGS, maxOpenSessionsPerUser: 1 };
    const outcomes = await Promise.all(
      stores.flatMap((store, index) =>
        ["a", "b", "c"].map((id) => store.open(sessionOf(null, `${id}-${index}`), limits)),
      ),
    );
    expect(outcomes.filter(({ outcome }) => outcome === "opened")).toHaveLength(1);
    expect(await stores[0].count(null)).toBe(1);
  },

  "of two ceilings that are reached, the user's own is told": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const limits = { ...NO_CEILINGS, maxOpenSessions: 1, maxOpenSessionsPerUser: 1 };
    const refused = await store.open(sessionOf("alice", "two"), limits);
    expect(refused).toEqual({ outcome: "full", ceiling: "maxOpenSessionsPerUser" });
  },

  "an open session is found although everything is full": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const limits = { ...NO_CEILINGS, maxOpenSessions: 0, maxOpenSessionsPerUser: 0 };
    expect(await store.open(sessionOf("alice", "one"), limits)).toMatchObject({ outcome: "found" });
  },

  "one resident sandbox more than may be is refused, and leaves no trace": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 1 };
    const alice = { key: "alice", userId: "alice", holder: "me" };
    const bob = { key: "bob", userId: "bob", holder: "me" };
    expect(await store.acquire(alice, limits)).toEqual({ outcome: "acquired", shared: false });
    const refused = await store.acquire(bob, limits);
    expect(refused).toEqual({ outcome: "full", ceiling: "maxResidentSandboxes" });
    expect(await store.workspace("bob")).toBeNull();
    await store.release("alice", "me");
    expect(await store.acquire(bob, limits)).toEqual({ outcome: "acquired", shared: false });
  },

  "a key counts once, however many hold it": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.beat("you", LONG_TTL_MS);
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 2, maxResidentSandboxesPerUser: 2 };
    const one = { key: "one", userId: "alice" };
    const two = { key: "two", userId: "alice" };
    await store.acquire({ ...one, holder: "me" }, limits);
    await store.acquire({ ...one, holder: "you" }, limits);
    const second = await store.acquire({ ...two, holder: "you" }, limits);
    expect(second).toEqual({ outcome: "acquired", shared: false });
    // Both are counted already, so that holding them takes no place.
    const shared = await store.acquire({ ...two, holder: "me" }, limits);
    expect(shared).toEqual({ outcome: "acquired", shared: true });
  },

  "a user's own resident ceiling stops that user alone, and is told first": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 2, maxResidentSandboxesPerUser: 1 };
    await store.acquire({ key: "one", userId: "alice", holder: "me" }, limits);
    const refused = await store.acquire({ key: "two", userId: "alice", holder: "me" }, limits);
    expect(refused).toEqual({ outcome: "full", ceiling: "maxResidentSandboxesPerUser" });
    const bob = await store.acquire({ key: "three", userId: "bob", holder: "me" }, limits);
    expect(bob).toEqual({ outcome: "acquired", shared: false });
    const both = await store.acquire({ key: "two", userId: "alice", holder: "me" }, limits);
    expect(both).toEqual({ outcome: "full", ceiling: "maxResidentSandboxesPerUser" });
    const nobody = await store.acquire({ key: "four", userId: null, holder: "me" }, limits);
    expect(nobody).toEqual({ outcome: "full", ceiling: "maxResidentSandboxes" });
  },

  "resident sandboxes without a user id count as those of one user, over all holders": async (
    openStore,
  ) => {
    const [store, other] = [await openStore(), await openStore()];
    await store.beat("me", LONG_TTL_MS);
    await other.beat("you", LONG_TTL_MS);
    const limits = { ...NO_CEILINGS, maxResidentSandboxesPerUser: 2 };
    const nobody = { userId: null, holder: "me" };
    await store.acquire({ ...nobody, key: "one" }, limits);
    await other.acquire({ userId: null, holder: "you", key: "two" }, limits);
    const refused = await store.acquire({ ...nobody, key: "three" }, limits);
    expect(refused).toEqual({ outcome: "full", ceiling: "maxResidentSandboxesPerUser" });
    const alice = await store.acquire({ key: "alice", userId: "alice", holder: "me" }, limits);
    expect(alice).toEqual({ outcome: "acquired", shared: false });
    await other.release("two", "you");
    const next = await store.acquire({ ...nobody, key: "three" }, limits);
    expect(next).toEqual({ outcome: "acquired", shared: false });
  },

  "what a holder holds already it gets again, although everything is full": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 0, maxResidentSandboxesPerUser: 0 };
    const again = await store.acquire({ key: "alice", userId: "alice", holder: "me" }, limits);
    expect(again).toEqual({ outcome: "acquired", shared: false });
  },
};
