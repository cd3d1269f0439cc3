import { expect } from "vitest";
import { acquire, LONG_TTL_MS } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

export const residencies: StoreBehaviours = {
  "the first holder of a key has it alone, the second one shares it": async (openStore) => {
    const [one, other] = [await openStore(), await openStore()];
    await one.beat("me", LONG_TTL_MS);
    await other.beat("you", LONG_TTL_MS);
    expect(await acquire(one, "me", "alice")).toEqual({ outcome: "acquired", shared: false });
    expect(await acquire(one, "me", "alice")).toEqual({ outcome: "acquired", shared: false });
    expect(await acquire(other, "you", "alice")).toEqual({ outcome: "acquired", shared: true });
    expect(await acquire(one, "me", "alice")).toEqual({ outcome: "acquired", shared: true });
    expect(await acquire(other, "you", "bob")).toEqual({ outcome: "acquired", shared: false });
  },

  "what is released is free, and only what the holder held": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.beat("you", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    await store.release("alice", "you");
    expect(await acquire(store, "you", "alice")).toEqual({ outcome: "acquired", shared: true });
    await store.release("alice", "me");
    await store.release("alice", "me");
    expect(await acquire(store, "you", "alice")).toEqual({ outcome: "acquired", shared: false });
    await store.release("nobody", "nobody");
  },

  "acquiring writes down the workspace, and is a use of it": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    expect(await store.workspace("work")).toBeNull();
    await acquire(store, "me", "work", "alice");
    const first = await store.workspace("work");
    expect(first).toMatchObject({ key: "work", userId: "alice", status: null, sandboxId: null });
    expect(first?.createdAt).toBe(first?.lastUsedAt);
    await store.record("work", { status: "running", sandboxId: "box" });
    await acquire(store, "me", "work", "alice");
    const second = await store.workspace("work");
    expect(second).toMatchObject({ createdAt: first?.createdAt, status: "running" });
    expect(second?.lastUsedAt.localeCompare(first?.lastUsedAt ?? "")).not.toBe(-1);
  },

  "a workspace of nobody becomes that of the user whose key is acquired": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await store.record("alice", { status: "stopped", sandboxId: "box" });
    await acquire(store, "me", "alice");
    expect(await store.workspace("alice")).toMatchObject({ userId: "alice", status: "stopped" });
    await acquire(store, "me", "alice", "mallory");
    expect(await store.workspace("alice")).toMatchObject({ userId: "alice" });
  },
};
