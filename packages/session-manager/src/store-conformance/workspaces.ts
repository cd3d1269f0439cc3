import { expect } from "vitest";
import type { SessionStore } from "../session-store.ts";
import { acquire, die, LONG_TTL_MS, openEstablished } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

const HOUR_MS = 3_600_000;

type UnusedOptions = Parameters<SessionStore["unusedWorkspaces"]>[0];

async function unusedKeys(
  store: SessionStore,
  options: Partial<UnusedOptions> = {},
): Promise<string[]> {
  const unused = await store.unusedWorkspaces({ unusedForMs: -HOUR_MS, limit: 100, ...options });
  return unused.map(({ key }) => key);
}

/** Write down a workspace that nobody holds. */
async function leave(store: SessionStore, key: string): Promise<void> {
  await acquire(store, "me", key);
  await store.release(key, "me");
}

export const workspaces: StoreBehaviours = {
  "what becomes of a sandbox is on record, also where nobody had it": async (openStore) => {
    const store = await openStore();
    await store.record("alice", { status: "running", sandboxId: "box" });
    expect(await store.workspace("alice")).toMatchObject({
      key: "alice",
      userId: null,
      status: "running",
      sandboxId: "box",
    });
    await store.record("alice", { status: "stopped", sandboxId: null });
    expect(await store.workspace("alice")).toMatchObject({ status: "stopped", sandboxId: null });
  },

  "a workspace outlives its sessions and its residency": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await openEstablished(store, "alice", "one");
    await leave(store, "alice");
    await store.close("one");
    expect(await store.workspace("alice")).toMatchObject({ key: "alice", userId: "alice" });
  },

  "only what was not used for so long is unused": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await leave(store, "alice");
    expect(await unusedKeys(store)).toEqual(["alice"]);
    expect(await unusedKeys(store, { unusedForMs: HOUR_MS })).toEqual([]);
    expect(await unusedKeys(store, { unusedForMs: Number.POSITIVE_INFINITY })).toEqual([]);
  },

  "unused workspaces come as they are on record, least recently used first": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    for (const [key, agoMs] of [
      ["second", -2000],
      ["third", -3000],
      ["first", -1000],
    ] as const) {
      await leave(store, key);
      await openEstablished(store, key, key);
      await store.touch([{ sessionId: key, agoMs }]);
      await store.close(key);
    }
    expect(await unusedKeys(store)).toEqual(["first", "second", "third"]);
    expect(await unusedKeys(store, { limit: 2 })).toEqual(["first", "second"]);
    const [first] = await store.unusedWorkspaces({ unusedForMs: -HOUR_MS, limit: 1 });
    expect(first).toEqual(await store.workspace("first"));
  },

  "with a status only those last told to be so are unused": async (openStore) => {
    const store = await openStore();
    await store.record("stopped", { status: "stopped", sandboxId: "box" });
    await store.record("running", { status: "running", sandboxId: "box" });
    expect(await unusedKeys(store, { status: "stopped" })).toEqual(["stopped"]);
    expect(await unusedKeys(store, { status: "paused" })).toEqual([]);
  },

  "a workspace is in use while a session is open for it": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await leave(store, "alice");
    await openEstablished(store, "alice", "one");
    expect(await unusedKeys(store)).toEqual([]);
    expect(await store.forgetWorkspace("alice")).toBe(false);
    await store.close("one");
    expect(await unusedKeys(store)).toEqual(["alice"]);
    expect(await store.forgetWorkspace("alice")).toBe(true);
    expect(await store.workspace("alice")).toBeNull();
    expect(await store.forgetWorkspace("alice")).toBe(false);
  },

  "a workspace is in use while a living holder holds it": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    expect(await unusedKeys(store)).toEqual([]);
    expect(await store.forgetWorkspace("alice")).toBe(false);
    await die(store, "me");
    expect(await unusedKeys(store)).toEqual(["alice"]);
    expect(await store.forgetWorkspace("alice")).toBe(true);
  },

  "whoever changes a workspace can forget it": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await leave(store, "alice");
    await store.beginChange("alice", "me");
    expect(await store.forgetWorkspace("alice")).toBe(true);
    await store.endChange({ key: "alice", holder: "me", keep: false, status: "stopped" });
    expect(await store.workspace("alice")).toBeNull();
  },
};
