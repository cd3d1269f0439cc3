import { expect } from "vitest";
import { acquire, LONG_TTL_MS, NO_CEILINGS } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

const ACQUIRED = { outcome: "acquired", shared: false };
const CHANGING = { outcome: "changing" };

export const changes: StoreBehaviours = {
  "while a holder changes a key, others have to wait": async (openStore) => {
    const [one, other] = [await openStore(), await openStore()];
    await one.beat("me", LONG_TTL_MS);
    await other.beat("you", LONG_TTL_MS);
    await acquire(one, "me", "alice");
    expect(await one.beginChange("alice", "me")).toBe(true);
    expect(await acquire(other, "you", "alice")).toEqual(CHANGING);
    expect(await other.beginChange("alice", "you")).toBe(false);
    expect(await acquire(other, "you", "bob")).toEqual(ACQUIRED);
    await one.endChange({ key: "alice", holder: "me", keep: false, status: "stopped" });
    expect(await acquire(other, "you", "alice")).toEqual(ACQUIRED);
  },

  "whoever has to wait wrote nothing": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.beat("you", LONG_TTL_MS);
    await store.beginChange("alice", "me");
    expect(await acquire(store, "you", "alice")).toEqual(CHANGING);
    expect(await store.workspace("alice")).toBeNull();
    await store.endChange({ key: "alice", holder: "me", keep: false, status: null });
    expect(await acquire(store, "me", "alice")).toEqual(ACQUIRED);
  },

  "a key that another one holds is not changed": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.beat("you", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    await acquire(store, "you", "alice");
    expect(await store.beginChange("alice", "me")).toBe(false);
    expect(await acquire(store, "you", "alice")).toEqual({ outcome: "acquired", shared: true });
    await store.release("alice", "you");
    expect(await store.beginChange("alice", "me")).toBe(true);
  },

  "a holder need not hold what it changes, and takes no place by it": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    expect(await store.beginChange("alice", "me")).toBe(true);
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 1 };
    const bob = await store.acquire({ key: "bob", userId: "bob", holder: "me" }, limits);
    expect(bob).toEqual(ACQUIRED);
  },

  "a holder may begin its change again, and acquire what it changes": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    expect(await store.beginChange("alice", "me")).toBe(true);
    expect(await store.beginChange("alice", "me")).toBe(true);
    expect(await acquire(store, "me", "alice")).toEqual(ACQUIRED);
  },

  "a sandbox counts as resident until its change ended": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 1 };
    const bob = { key: "bob", userId: "bob", holder: "me" };
    await acquire(store, "me", "alice");
    await store.beginChange("alice", "me");
    expect(await store.acquire(bob, limits)).toMatchObject({ outcome: "full" });
    await store.endChange({ key: "alice", holder: "me", keep: false, status: "stopped" });
    expect(await store.acquire(bob, limits)).toEqual(ACQUIRED);
  },

  "a change that failed leaves the holder what it held": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.beat("you", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    await store.beginChange("alice", "me");
    await store.endChange({ key: "alice", holder: "me", keep: true, status: null });
    expect(await acquire(store, "you", "alice")).toEqual({ outcome: "acquired", shared: true });
    expect(await store.beginChange("alice", "you")).toBe(false);
  },

  "the end of a change tells what became of the sandbox, or leaves what is known": async (
    openStore,
  ) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    await store.record("alice", { status: "running", sandboxId: "box" });
    await store.beginChange("alice", "me");
    await store.endChange({ key: "alice", holder: "me", keep: true, status: "paused" });
    expect(await store.workspace("alice")).toMatchObject({ status: "paused", sandboxId: "box" });
    await store.endChange({ key: "alice", holder: "me", keep: false, status: null });
    expect(await store.workspace("alice")).toMatchObject({ status: "paused", sandboxId: "box" });
  },

  "the end of a change writes down no workspace, and ends no change of another": async (
    openStore,
  ) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.beat("you", LONG_TTL_MS);
    await store.beginChange("alice", "me");
    await store.endChange({ key: "alice", holder: "you", keep: false, status: "stopped" });
    expect(await store.workspace("alice")).toBeNull();
    expect(await acquire(store, "you", "alice")).toEqual(CHANGING);
  },
};
