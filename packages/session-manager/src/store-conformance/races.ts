import { expect } from "vitest";
import type { SessionStore } from "../session-store.ts";
import { acquire, LONG_TTL_MS, NO_CEILINGS, sessionOf } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

const STORES = 4;
const CALLERS = 50;

async function openStores(openStore: () => Promise<SessionStore>): Promise<SessionStore[]> {
  return Promise.all(Array.from({ length: STORES }, openStore));
}

/** So many calls at once, dealt out to the stores in turn. */
function burst<Result>(
  stores: readonly SessionStore[],
  call: (store: SessionStore, index: number) => Promise<Result>,
): Promise<Result[]> {
  return Promise.all(
    Array.from({ length: CALLERS }, (_, index) =>
      call(stores[index % stores.length] as SessionStore, index),
    ),
  );
}

/** Every other one is of alice, every fourth without a user id, and the rest of users of their own. */
function ownerOf(index: number): string | null {
  if (index % 2 === 0) return "alice";
  return index % 4 === 1 ? null : `user-${index}`;
}

function countOf(results: readonly { outcome: string }[], outcome: string): number {
  return results.filter((each) => each.outcome === outcome).length;
}

export const races: StoreBehaviours = {
  "of many who open one id at once, one opens it and all others find it": async (openStore) => {
    const stores = await openStores(openStore);
    const results = await burst(stores, (store) =>
      store.open(sessionOf("alice", "one"), NO_CEILINGS),
    );
    expect(countOf(results, "opened")).toBe(1);
    expect(countOf(results, "found")).toBe(CALLERS - 1);
    const records = results.map((each) => "record" in each && each.record);
    expect(new Set(records.map((record) => JSON.stringify(record))).size).toBe(1);
  },

  "a burst does not pass the ceilings of open sessions": async (openStore) => {
    const stores = await openStores(openStore);
    const limits = { ...NO_CEILINGS, maxOpenSessions: 7, maxOpenSessionsPerUser: 3 };
    const results = await burst(stores, (store, index) =>
      store.open(sessionOf(ownerOf(index), `session-${index}`), limits),
    );
    expect(countOf(results, "opened")).toBe(7);
    expect(countOf(results, "full")).toBe(CALLERS - 7);
    const [store] = stores as [SessionStore];
    expect(await store.count()).toBe(7);
    expect(await store.count("alice")).toBeLessThanOrEqual(3);
    expect(await store.count(null)).toBeLessThanOrEqual(3);
  },

  "a burst does not pass the ceilings of resident sandboxes": async (openStore) => {
    const stores = await openStores(openStore);
    for (const [index, store] of stores.entries()) await store.beat(`holder-${index}`, LONG_TTL_MS);
    const limits = { ...NO_CEILINGS, maxResidentSandboxes: 6, maxResidentSandboxesPerUser: 2 };
    const results = await burst(stores, (store, index) =>
      store.acquire(
        {
          key: `key-${Math.floor(index / 2)}`,
          userId: ownerOf(Math.floor(index / 2)),
          holder: `holder-${stores.indexOf(store)}`,
        },
        limits,
      ),
    );
    const keys = results.flatMap(({ outcome }, index) =>
      outcome === "acquired" ? [Math.floor(index / 2)] : [],
    );
    expect(new Set(keys).size).toBe(6);
    for (const owner of ["alice", null]) {
      const ofOwner = new Set(keys.filter((key) => ownerOf(key) === owner));
      expect(ofOwner.size).toBeLessThanOrEqual(2);
    }
  },

  "of many who want to change a key at once, one does": async (openStore) => {
    const stores = await openStores(openStore);
    await burst(stores, (store, index) => store.beat(`holder-${index}`, LONG_TTL_MS));
    const results = await burst(stores, (store, index) =>
      store.beginChange("alice", `holder-${index}`),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
  },

  "nobody acquires a key while it is changed, and nobody changes what is acquired": async (
    openStore,
  ) => {
    const stores = await openStores(openStore);
    await burst(stores, (store, index) => store.beat(`holder-${index}`, LONG_TTL_MS));
    for (let round = 0; round < 5; round++) {
      const key = `key-${round}`;
      const results = await burst(stores, async (store, index) => {
        const holder = `holder-${index}`;
        if (index % 2 === 0) return (await acquire(store, holder, key)).outcome;
        return (await store.beginChange(key, holder)) ? "changed" : "refused";
      });
      const acquired = results.filter((result) => result === "acquired").length;
      const changed = results.filter((result) => result === "changed").length;
      expect(acquired > 0 ? changed : changed - 1).toBe(0);
      expect(results.filter((result) => result === "changing")).toHaveLength(
        changed === 1 ? CALLERS / 2 : 0,
      );
    }
  },

  "one of many closes a session, and one of many forgets a workspace": async (openStore) => {
    const stores = await openStores(openStore);
    const [store] = stores as [SessionStore];
    await store.open(sessionOf("alice", "one"), NO_CEILINGS);
    await store.record("alice", { status: "stopped", sandboxId: null });
    const closed = await burst(stores, (each) => each.close("one"));
    expect(closed.filter(Boolean)).toHaveLength(1);
    const forgotten = await burst(stores, (each) => each.forgetWorkspace("alice"));
    expect(forgotten.filter(Boolean)).toHaveLength(1);
  },

  "a workspace is not forgotten while somebody comes for it": async (openStore) => {
    const stores = await openStores(openStore);
    await burst(stores, (store, index) => store.beat(`holder-${index}`, LONG_TTL_MS));
    const [store] = stores as [SessionStore];
    await store.record("alice", { status: "stopped", sandboxId: null });
    await burst(stores, async (each, index) => {
      if (index % 2 === 0) await acquire(each, `holder-${index}`, "alice");
      else await each.forgetWorkspace("alice");
    });
    expect(await store.workspace("alice")).toMatchObject({ key: "alice" });
  },

  "uses and events of many at once are all written down": async (openStore) => {
    const stores = await openStores(openStore);
    const [store] = stores as [SessionStore];
    await burst(stores, (each, index) =>
      each.open(sessionOf(`user-${index}`, `session-${index}`), NO_CEILINGS),
    );
    const all = Array.from({ length: CALLERS }, (_, index) => `session-${index}`);
    await burst(stores, async (each, index) => {
      // Each in an order of its own, so that whoever locks rows one by one meets another one.
      const turned = [...all.slice(index), ...all.slice(0, index)];
      await each.touch(turned.map((sessionId) => ({ sessionId, agoMs: -index * 1000 })));
      await each.log([{ type: `event-${index}`, sessionId: null, key: null, detail: {} }]);
    });
    const events = await store.events({ limit: 1000 });
    expect(new Set(events.map(({ type }) => type)).size).toBe(CALLERS);
    const sequences = events.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].toSorted((one, other) => one - other));
    for (const record of await store.list({ limit: 1000 })) {
      const usedAfterMs = Date.parse(record.lastUsedAt) - Date.parse(record.createdAt);
      expect(usedAfterMs).toBeGreaterThanOrEqual((CALLERS - 1) * 1000);
    }
  },
};
