import { expect } from "vitest";
import type { SessionStore } from "../session-store.ts";
import { openEstablished } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

type ListOptions = Parameters<SessionStore["list"]>[0];

async function listedIds(store: SessionStore, options: ListOptions): Promise<string[]> {
  return (await store.list(options)).map(({ id }) => id);
}

export const listing: StoreBehaviours = {
  "nothing is listed of an empty store": async (openStore) => {
    const store = await openStore();
    expect(await store.list({ limit: 1000 })).toEqual([]);
    expect(await store.count()).toBe(0);
    expect(await store.count("alice")).toBe(0);
  },

  "sessions are listed as they are got, whether or not they are established": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const [listed] = await store.list({ limit: 1 });
    expect(listed).toEqual(await store.get("one"));
  },

  "ids are in the order of their bytes": async (openStore) => {
    const store = await openStore();
    // In UTF-16 the emoji comes before the full-width letter, in a dictionary A before b before Z.
    const ordered = ["-", "10", "9", "A", "Z", "_", "a", "b", "é", "ａ", "😀"];
    for (const id of ordered.toReversed()) await openEstablished(store, null, id);
    expect(await listedIds(store, { limit: 100 })).toEqual(ordered);
  },

  "pages follow each other without gap or repetition": async (openStore) => {
    const store = await openStore();
    const ids = Array.from({ length: 10 }, (_, index) => `session-${index}`);
    for (const id of ids.toReversed()) await openEstablished(store, "alice", id);
    const seen: string[] = [];
    for (;;) {
      const after = seen.at(-1);
      const page = await listedIds(store, { ...(after !== undefined && { after }), limit: 3 });
      seen.push(...page);
      if (page.length < 3) break;
    }
    expect(seen).toEqual(ids);
    expect(await listedIds(store, { after: "session-4-nobody", limit: 2 })).toEqual([
      "session-5",
      "session-6",
    ]);
  },

  "a user's sessions are told from others', and so are a key's": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "alice-1");
    await openEstablished(store, "bob", "bob-1");
    await openEstablished(store, null, "alone");
    await openEstablished(store, "alice", "alice-2");
    expect(await listedIds(store, { userId: "alice", limit: 10 })).toEqual(["alice-1", "alice-2"]);
    expect(await listedIds(store, { key: "bob", limit: 10 })).toEqual(["bob-1"]);
    expect(await listedIds(store, { key: "alone", limit: 10 })).toEqual(["alone"]);
    expect(await listedIds(store, { userId: "alone", limit: 10 })).toEqual([]);
    expect(await listedIds(store, { userId: "alice", key: "bob", limit: 10 })).toEqual([]);
    const second = { userId: "alice", after: "alice-1", limit: 10 };
    expect(await listedIds(store, second)).toEqual(["alice-2"]);
  },

  "all are counted, or those of one user": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "alice-1");
    await openEstablished(store, "alice", "alice-2");
    await openEstablished(store, null, "alone");
    expect(await store.count()).toBe(3);
    expect(await store.count("alice")).toBe(2);
    expect(await store.count("alone")).toBe(0);
    await store.close("alice-1");
    expect(await store.count()).toBe(2);
    expect(await store.count("alice")).toBe(1);
  },

  "a limit that is none is refused": async (openStore) => {
    const store = await openStore();
    for (const limit of [0, -1, 1.5, 1001, Number.NaN, Number.POSITIVE_INFINITY]) {
      const refused = { code: "invalid-argument" };
      await expect(store.list({ limit })).rejects.toMatchObject(refused);
      await expect(store.events({ limit })).rejects.toMatchObject(refused);
      await expect(store.unusedWorkspaces({ unusedForMs: 0, limit })).rejects.toMatchObject(
        refused,
      );
    }
  },
};
