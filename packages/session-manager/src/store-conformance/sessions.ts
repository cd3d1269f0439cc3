import { expect } from "vitest";
import { NO_CEILINGS, openEstablished, sessionOf } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export const sessions: StoreBehaviours = {
  "an id that was never opened has no record": async (openStore) => {
    const store = await openStore();
    expect(await store.get("nobody")).toBeNull();
    expect(await store.establish("nobody")).toBe(false);
    expect(await store.close("nobody")).toBe(false);
  },

  "a session is opening until it is established": async (openStore) => {
    const store = await openStore();
    const opened = await store.open(sessionOf("alice", "one"), NO_CEILINGS);
    expect(opened).toEqual({
      outcome: "opened",
      record: {
        id: "one",
        key: "alice",
        userId: "alice",
        scope: "user",
        state: "opening",
        createdAt: expect.stringMatching(ISO_UTC),
        lastUsedAt: expect.stringMatching(ISO_UTC),
      },
    });
    expect(await store.get("one")).toMatchObject({ state: "opening" });
    expect(await store.establish("one")).toBe(true);
    expect(await store.get("one")).toMatchObject({ state: "open" });
  },

  "establishing twice is harmless": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    expect(await store.establish("one")).toBe(true);
    expect(await store.get("one")).toMatchObject({ state: "open" });
  },

  "a session of nobody in particular has no user": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, null, "one");
    expect(await store.get("one")).toMatchObject({ key: "one", userId: null, scope: "session" });
  },

  "whoever opens an open id finds its record and changes nothing": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    const record = await store.get("one");
    const again = await store.open(sessionOf("mallory", "one"), NO_CEILINGS);
    expect(again).toEqual({ outcome: "found", record });
    expect(await store.get("one")).toEqual(record);
  },

  "a closed session is gone, and its id can be opened again": async (openStore) => {
    const store = await openStore();
    await openEstablished(store, "alice", "one");
    expect(await store.close("one")).toBe(true);
    expect(await store.close("one")).toBe(false);
    expect(await store.get("one")).toBeNull();
    expect(await store.establish("one")).toBe(false);
    const again = await store.open(sessionOf("bob", "one"), NO_CEILINGS);
    expect(again).toMatchObject({ outcome: "opened", record: { userId: "bob", state: "opening" } });
  },

  "what one store writes, another one on the database reads": async (openStore) => {
    const [one, other] = [await openStore(), await openStore()];
    await openEstablished(one, "alice", "one");
    expect(await other.get("one")).toEqual(await one.get("one"));
    expect(await other.close("one")).toBe(true);
    expect(await one.get("one")).toBeNull();
  },

  "disposing of a store twice is harmless, and loses nothing": async (openStore) => {
    const [one, other] = [await openStore(), await openStore()];
    await openEstablished(one, "alice", "one");
    await one[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
    expect(await other.get("one")).toMatchObject({ id: "one", state: "open" });
  },
};
