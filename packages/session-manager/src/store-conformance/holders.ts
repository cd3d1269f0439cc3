import { expect } from "vitest";
import { acquire, die, LONG_TTL_MS, NO_CEILINGS } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

const UNAVAILABLE = { name: "SandboxError", code: "unavailable" };

export const holders: StoreBehaviours = {
  "a beat tells whether the holder lived until then": async (openStore) => {
    const store = await openStore();
    expect(await store.beat("me", LONG_TTL_MS)).toBe(false);
    expect(await store.beat("me", LONG_TTL_MS)).toBe(true);
    await die(store, "me");
    expect(await store.beat("me", LONG_TTL_MS)).toBe(false);
    expect(await store.beat("me", LONG_TTL_MS)).toBe(true);
    await store.retire("me");
    expect(await store.beat("me", LONG_TTL_MS)).toBe(false);
  },

  "who never beat, died or retired can hold nothing": async (openStore) => {
    const store = await openStore();
    await expect(acquire(store, "me", "alice")).rejects.toMatchObject(UNAVAILABLE);
    await expect(store.beginChange("alice", "me")).rejects.toMatchObject(UNAVAILABLE);
    await store.beat("me", LONG_TTL_MS);
    await die(store, "me");
    await expect(acquire(store, "me", "alice")).rejects.toMatchObject(UNAVAILABLE);
    await expect(store.beginChange("alice", "me")).rejects.toMatchObject(UNAVAILABLE);
    await store.beat("me", LONG_TTL_MS);
    await store.retire("me");
    await expect(acquire(store, "me", "alice")).rejects.toMatchObject(UNAVAILABLE);
    expect(await store.workspace("alice")).toBeNull();
  },

  "a dead holder counts for nothing": async (openStore) => {
    const store = await openStore();
    await store.beat("dead", LONG_TTL_MS);
    await store.beat("me", LONG_TTL_MS);
    await acquire(store, "dead", "alice");
    await acquire(store, "dead", "bob");
    await store.beginChange("bob", "dead");
    await die(store, "dead");
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 1, maxResidentSandboxesPerUser: 1 };
    const acquired = await store.acquire({ key: "alice", userId: "alice", holder: "me" }, limits);
    expect(acquired).toEqual({ outcome: "acquired", shared: false });
    expect(await store.beginChange("alice", "me")).toBe(true);
    expect(await acquire(store, "me", "bob")).toEqual({ outcome: "acquired", shared: false });
    expect(await store.beginChange("bob", "me")).toBe(true);
  },

  "a holder that beats again after its death holds nothing": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.beat("you", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    await store.beginChange("bob", "me");
    await die(store, "me");
    await store.beat("me", LONG_TTL_MS);
    expect(await acquire(store, "you", "alice")).toEqual({ outcome: "acquired", shared: false });
    expect(await store.beginChange("bob", "you")).toBe(true);
  },

  "all holders but one are retired at once": async (openStore) => {
    const store = await openStore();
    for (const holder of ["me", "you", "them"]) await store.beat(holder, LONG_TTL_MS);
    await acquire(store, "me", "alice");
    await acquire(store, "you", "bob");
    await store.beginChange("carol", "them");
    await store.retireOthers("me");
    expect(await store.beat("me", LONG_TTL_MS)).toBe(true);
    expect(await store.beat("you", LONG_TTL_MS)).toBe(false);
    expect(await acquire(store, "me", "bob")).toEqual({ outcome: "acquired", shared: false });
    expect(await store.beginChange("carol", "me")).toBe(true);
    expect(await store.beginChange("alice", "you")).toBe(false);
    await store.retireOthers("nobody");
    expect(await store.beat("me", LONG_TTL_MS)).toBe(false);
  },

  "a retired holder counts for nothing, and retiring twice is harmless": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.beat("you", LONG_TTL_MS);
    await acquire(store, "you", "alice");
    await store.beginChange("bob", "you");
    await store.retire("you");
    await store.retire("you");
    await store.retire("nobody");
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 1 };
    const acquired = await store.acquire({ key: "carol", userId: "carol", holder: "me" }, limits);
    expect(acquired).toEqual({ outcome: "acquired", shared: false });
    expect(await store.beginChange("alice", "me")).toBe(true);
    expect(await store.beginChange("bob", "me")).toBe(true);
  },

  "beats of others leave a living holder what it has": async (openStore) => {
    const [one, other] = [await openStore(), await openStore()];
    await one.beat("me", LONG_TTL_MS);
    await acquire(one, "me", "alice");
    await other.beat("dead", LONG_TTL_MS);
    await die(other, "dead");
    await other.beat("you", LONG_TTL_MS);
    expect(await acquire(other, "you", "alice")).toEqual({ outcome: "acquired", shared: true });
  },

  "a dead holder may still give back what it had": async (openStore) => {
    const store = await openStore();
    await store.beat("dead", LONG_TTL_MS);
    await store.beat("me", LONG_TTL_MS);
    await acquire(store, "dead", "alice");
    await store.beginChange("alice", "dead");
    await die(store, "dead");
    await acquire(store, "me", "alice");
    await store.release("alice", "dead");
    await store.endChange({ key: "alice", holder: "dead", keep: true, status: "stopped" });
    expect(await store.workspace("alice")).toMatchObject({ status: "stopped" });
    expect(await store.forgetWorkspace("alice")).toBe(false);
  },
};
