import { MemorySessionStore } from "@carrel/session-manager";
import type { NewSession } from "@carrel/session-manager";
import { expect, it } from "vitest";
import { killingStore } from "./killing-store.ts";

const SESSION: NewSession = { id: "ann", key: "ann", userId: "ann", scope: "user" };
const CEILINGS = { maxOpenSessions: Infinity, maxOpenSessionsPerUser: Infinity };

it.each([
  ["before", "opening"],
  ["after", "open"],
] as const)("a process ends %s its n-th write, so that the session is %s", async (when, state) => {
  const store = new MemorySessionStore();
  const killed = new Error("killed");
  const dying = killingStore(store, {
    nth: 2,
    when,
    kill: () => {
      throw killed;
    },
  });
  await dying.open(SESSION, CEILINGS);
  await dying.get("ann");
  await expect(dying.establish("ann")).rejects.toBe(killed);
  expect(await store.get("ann")).toMatchObject({ state });
});
