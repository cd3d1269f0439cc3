import { expect } from "vitest";
import { acquire, LONG_TTL_MS, openEstablished } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

/** Keys are 1 to 512 bytes of well-formed text without NUL; whatever the characters mean elsewhere. */
const HOSTILE = [
  "'; DROP TABLE carrel_sessions; --",
  "\"double\" 'single' `back` $1 ? :name @name %s",
  "back\\slash\\' \\0 \\u0000 E'x'",
  "%",
  "_",
  " leading and trailing ",
  "tab\tnew\nline\r\nbell\u0007",
  "__proto__",
  "constructor",
  "null",
  "0",
  "1e3",
  "e\u0301",
  "\u00e9",
  "👩‍👩‍👧‍👦 🏳️‍🌈",
  "\u202eright to left",
  "\ufeffmark",
  "\u{10ffff}",
  "x".repeat(512),
  "😀".repeat(128),
];

export const texts: StoreBehaviours = {
  "ids, keys and users are what they are, to the byte": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    for (const text of HOSTILE) {
      await openEstablished(store, text, text);
      await acquire(store, "me", text);
    }
    expect(await store.count()).toBe(HOSTILE.length);
    for (const text of HOSTILE) {
      expect(await store.get(text)).toMatchObject({ id: text, key: text, userId: text });
      expect(await store.workspace(text)).toMatchObject({ key: text, userId: text });
      expect(await store.count(text)).toBe(1);
      expect(await store.list({ userId: text, limit: 10 })).toHaveLength(1);
      expect(await store.list({ key: text, limit: 10 })).toHaveLength(1);
    }
    for (const text of HOSTILE) expect(await store.close(text)).toBe(true);
    expect(await store.count()).toBe(0);
  },

  "case, accents and spaces tell ids apart": async (openStore) => {
    const store = await openStore();
    const alike = ["bob", "Bob", "BOB", "bob ", " bob", "bób", "bo\u0301b"];
    for (const id of alike) await openEstablished(store, id, id);
    expect(await store.count()).toBe(alike.length);
    for (const id of alike) expect(await store.count(id)).toBe(1);
  },

  "holders have any name": async (openStore) => {
    const store = await openStore();
    for (const text of HOSTILE) {
      await store.beat(text, LONG_TTL_MS);
      expect(await acquire(store, text, "shared")).toMatchObject({ outcome: "acquired" });
    }
    for (const text of HOSTILE) await store.retire(text);
    await store.beat("me", LONG_TTL_MS);
    expect(await acquire(store, "me", "shared")).toEqual({ outcome: "acquired", shared: false });
  },

  "events hold any text": async (openStore) => {
    const store = await openStore();
    const detail = Object.fromEntries(
      [...HOSTILE, "nul \0"].map((text, index) => [`field-${index} ${text}`, text]),
    );
    await store.log([{ type: "odd", sessionId: HOSTILE[0] ?? "", key: HOSTILE[1] ?? "", detail }]);
    const [event] = await store.events({ sessionId: HOSTILE[0] ?? "", limit: 1 });
    expect(event).toMatchObject({ key: HOSTILE[1], detail });
  },
};
