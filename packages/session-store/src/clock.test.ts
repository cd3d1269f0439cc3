import { join } from "node:path";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../test/temporary-directory.ts";
import { createSessionStore, openDatabase } from "./index.ts";
import type { Database } from "./index.ts";

const NO_CEILINGS = {
  maxResidentSandboxes: Number.POSITIVE_INFINITY,
  maxResidentSandboxesPerUser: Number.POSITIVE_INFINITY,
};
const DAY_MS = 86_400_000;

/** Seen from a clock that goes by so much, what holders wrote lies as much earlier. */
async function moveClock(database: Database, milliseconds: number): Promise<void> {
  await database.run((kysely) =>
    sql`update carrel_holders set beat_at = beat_at - ${milliseconds}, expires_at = expires_at - ${milliseconds}`.execute(
      kysely,
    ),
  );
}

test("a clock that is set back makes no holder immortal", async () => {
  await using directory = await temporaryDirectory();
  await using database = await openDatabase({ url: join(directory.path, "sessions.db") });
  const store = await createSessionStore(database);
  await store.beat("killed", 30_000);
  await store.acquire({ key: "alice", userId: "alice", holder: "killed" }, NO_CEILINGS);
  await moveClock(database, -DAY_MS);
  await store.beat("me", 60_000);
  expect(await store.beginChange("alice", "me")).toBe(false);
  await moveClock(database, 30_000);
  expect(await store.beginChange("alice", "me")).toBe(true);
  expect(await store.beat("killed", 30_000)).toBe(false);
});

test("a clock that is set back takes nothing from those who live", async () => {
  await using directory = await temporaryDirectory();
  await using database = await openDatabase({ url: join(directory.path, "sessions.db") });
  const store = await createSessionStore(database);
  const limits = { ...NO_CEILINGS, maxResidentSandboxes: 1 };
  for (const holder of ["me", "you"]) await store.beat(holder, 30_000);
  await store.acquire({ key: "alice", userId: "alice", holder: "me" }, limits);
  await moveClock(database, -5000);
  const newcomer = { key: "bob", userId: "bob", holder: "you" };
  expect(await store.acquire(newcomer, limits)).toMatchObject({ outcome: "full" });
  expect(await store.beat("you", 30_000)).toBe(true);
  expect(await store.beat("me", 30_000)).toBe(true);
  expect(await store.acquire(newcomer, limits)).toMatchObject({ outcome: "full" });
});
