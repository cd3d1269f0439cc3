import { expect } from "vitest";
import type { LoggedEvent, SessionStore } from "../session-store.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

type NewEvent = Omit<LoggedEvent, "sequence" | "at">;

function eventOf(type: string, about: Partial<NewEvent> = {}): NewEvent {
  return { type, sessionId: null, key: null, detail: {}, ...about };
}

async function loggedTypes(
  store: SessionStore,
  options: Partial<Parameters<SessionStore["events"]>[0]> = {},
): Promise<string[]> {
  return (await store.events({ limit: 1000, ...options })).map(({ type }) => type);
}

export const events: StoreBehaviours = {
  "what is logged is read in the order in which it was logged": async (openStore) => {
    const store = await openStore();
    expect(await store.events({ limit: 10 })).toEqual([]);
    const detail = { durationMs: 12.5, path: "warm", nested: { list: [1, "two", null, true] } };
    await store.log([
      eventOf("session-opened", { sessionId: "one", key: "alice", detail }),
      eventOf("sandbox-slept", { key: "alice" }),
    ]);
    await store.log([]);
    await store.log([eventOf("session-ended", { sessionId: "one" })]);
    const logged = await store.events({ limit: 10 });
    expect(logged).toEqual([
      {
        sequence: expect.any(Number),
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        type: "session-opened",
        sessionId: "one",
        key: "alice",
        detail,
      },
      expect.objectContaining({ type: "sandbox-slept", sessionId: null, detail: {} }),
      expect.objectContaining({ type: "session-ended", key: null }),
    ]);
  },

  "whoever reads on after the last sequence number sees each event once": async (openStore) => {
    const [one, other] = [await openStore(), await openStore()];
    const expected = Array.from({ length: 25 }, (_, index) => `event-${index}`);
    await one.log(expected.slice(0, 20).map((type) => eventOf(type)));
    const seen: LoggedEvent[] = [];
    const readOn = async (): Promise<void> => {
      for (;;) {
        const page = await other.events({ after: seen.at(-1)?.sequence ?? 0, limit: 7 });
        if (page.length === 0) return;
        seen.push(...page);
      }
    };
    await readOn();
    await one.log(expected.slice(20).map((type) => eventOf(type)));
    await readOn();
    expect(seen.map(({ type }) => type)).toEqual(expected);
  },

  "events of a session or of a key are told from others": async (openStore) => {
    const store = await openStore();
    await store.log([
      eventOf("a", { sessionId: "one", key: "alice" }),
      eventOf("b", { sessionId: "two", key: "alice" }),
      eventOf("c", { sessionId: "three", key: "bob" }),
      eventOf("d"),
    ]);
    expect(await loggedTypes(store, { sessionId: "one" })).toEqual(["a"]);
    expect(await loggedTypes(store, { key: "alice" })).toEqual(["a", "b"]);
    expect(await loggedTypes(store, { sessionId: "three", key: "alice" })).toEqual([]);
    const [first] = await store.events({ limit: 1 });
    const after = first?.sequence ?? Number.NaN;
    expect(await loggedTypes(store, { key: "alice", after })).toEqual(["b"]);
  },

  "thousands of events are logged at once": async (openStore) => {
    const store = await openStore();
    const types = Array.from({ length: 2500 }, (_, index) => `event-${index}`);
    await store.log(types.map((type) => eventOf(type)));
    const firstThousand = await loggedTypes(store);
    expect(firstThousand).toEqual(types.slice(0, 1000));
  },

  "the lines of a key are forgotten, and no others": async (openStore) => {
    const store = await openStore();
    await store.log([
      eventOf("a", { sessionId: "one", key: "alice" }),
      eventOf("b", { sessionId: "alice", key: "bob" }),
      eventOf("c", { key: "alice" }),
      eventOf("d", { key: "alice2" }),
      eventOf("e"),
    ]);
    expect(await store.forgetEvents("alice")).toBe(2);
    expect(await store.forgetEvents("alice")).toBe(0);
    expect(await loggedTypes(store)).toEqual(["b", "d", "e"]);
  },

  "so many lines are deleted by one call that others do not wait for long": async (openStore) => {
    const store = await openStore();
    const lines = Array.from({ length: 10_000 }, () => eventOf("a", { key: "alice" }));
    await store.log(lines);
    expect(await store.forgetEvents("alice")).toBe(10_000);
    await store.log(lines);
    expect(await store.pruneEvents(-3_600_000)).toBe(10_000);
    expect(await store.events({ limit: 1 })).toEqual([]);
  },

  "of too many lines the oldest are pruned": async (openStore) => {
    const store = await openStore();
    await store.log(["a", "b", "c", "d", "e"].map((type) => eventOf(type)));
    expect(await store.pruneEvents(3_600_000, 5)).toBe(0);
    expect(await store.pruneEvents(3_600_000, 2)).toBe(3);
    expect(await loggedTypes(store)).toEqual(["d", "e"]);
    expect(await store.pruneEvents(Number.POSITIVE_INFINITY, 1)).toBe(1);
    expect(await store.pruneEvents(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).toBe(0);
    expect(await store.pruneEvents(-3_600_000, 100)).toBe(1);
    expect(await store.pruneEvents(3_600_000, 1)).toBe(0);
  },

  "what is older is pruned, and numbers are not given twice": async (openStore) => {
    const store = await openStore();
    await store.log([eventOf("a"), eventOf("b")]);
    const [, last] = await store.events({ limit: 2 });
    expect(await store.pruneEvents(3_600_000)).toBe(0);
    expect(await store.pruneEvents(Number.POSITIVE_INFINITY)).toBe(0);
    expect(await store.pruneEvents(-3_600_000)).toBe(2);
    expect(await store.pruneEvents(-3_600_000)).toBe(0);
    await store.log([eventOf("c")]);
    const [next] = await store.events({ limit: 2 });
    expect(next).toMatchObject({ type: "c" });
    expect(next?.sequence).toBeGreaterThan(last?.sequence ?? Number.NaN);
  },
};
