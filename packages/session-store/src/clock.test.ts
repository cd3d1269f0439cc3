import { join } from "node:path";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../test/temporary-directory.ts";
import { createSessionStore, openDatabase } from "./index.ts";

const NO_CEILINGS = {
  maxResidentSandboxes: Number.POSITIVE_INFINITY,
  maxResidentSandboxesPerUser: Number.POSITIVE_INFINITY,
};
const DAY_MS = 86_400_000;

test("a clock that is set back makes no holder immortal", async () => {
  await using directory = await temporaryDirectory();
  await using database = await openDatabase({ url: join(directory.path, "sessions.db") });
  const store = await createSessionStore(database);
  await store.beat("killed", 30_000);
  await store.acquire({ key: "alice", userId: "alice", holder: "killed" }, NO_CEILINGS);
  // Seen from a clock that went back a day, what it wrote is of tomorrow.
  await database.run((kysely) =>
    sql`update carrel_holders set beat_at = beat_at + ${DAY_MS}, expires_at = expires_at + ${DAY_MS}`.execute(
      kysely,
    ),
  );
  await store.beat("me", 30_000);
  expect(await store.beginChange("alice", "me")).toBe(true);
  expect(await store.beat("killed", 30_000)).toBe(false);
});
