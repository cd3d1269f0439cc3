import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { runChild } from "../test/child-program.ts";
import { createTestDatabase, NO_POSTGRES, SKIPS_POSTGRES } from "../test/postgres.ts";
import { temporaryDirectory } from "../test/temporary-directory.ts";
import { openDatabase, openSessionStore } from "./index.ts";

const PROCESSES = 3;
const EACH = 25;
const CEILING = 40;

/** Several processes that start at once on an empty database, and ask for more than there is. */
async function expectCeilingsHold(url: string): Promise<void> {
  const printed = await Promise.all(
    Array.from({ length: PROCESSES }, async (_, index) => {
      const args = [url, `process-${index}`, String(EACH), String(CEILING)];
      const { lines, ended } = runChild("burst-program.ts", args);
      const given: number[] = [];
      for await (const line of lines) given.push(Number(line));
      expect(await ended).toBe(0);
      return given;
    }),
  );
  const sum = (index: number): number =>
    printed.reduce((total, each) => total + (each[index] ?? 0), 0);
  expect({ opened: sum(0), acquired: sum(1) }).toEqual({ opened: CEILING, acquired: CEILING });
  await using store = await openSessionStore({ url });
  expect(await store.count()).toBe(CEILING);
}

test("processes that share a file do not pass the ceilings together", async () => {
  await using directory = await temporaryDirectory();
  await expectCeilingsHold(join(directory.path, "new", "sessions.db"));
}, 120_000);

describe.skipIf(SKIPS_POSTGRES)(SKIPS_POSTGRES ? `skipped: ${NO_POSTGRES}` : "PostgreSQL", () => {
  test("processes that share a server do not pass the ceilings together", async () => {
    await using database = await createTestDatabase();
    await expectCeilingsHold(database.url);
  }, 120_000);
});

/** A random number for each seed and index, always the same. */
function seeded(seed: number, index: number): number {
  const mixed = Math.imul(seed ^ (index + 1), 0x9e3779b1) >>> 0;
  return (Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 0) / 2 ** 32;
}

const ROUNDS = 8;
const SEED = 20_260_101;

test("a process killed while it writes loses nothing that it was told is written", async () => {
  await using directory = await temporaryDirectory();
  const url = join(directory.path, "sessions.db");
  const written: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = `round-${round}`;
    const { lines, kill, ended } = runChild("writing-program.ts", [url, name]);
    const killAt = 1 + Math.floor(seeded(SEED, round) * 20);
    const told: string[] = [];
    for await (const line of lines) if (told.push(line) === killAt) kill();
    await ended;
    written.push(...told);
    expect(told.length).toBeGreaterThanOrEqual(killAt);

    await using database = await openDatabase({ url });
    const check = await database.run((kysely) => sql`pragma integrity_check`.execute(kysely));
    expect(check.rows).toEqual([{ integrity_check: "ok" }]);
    await using store = await openSessionStore({ url });
    const ids = (await store.list({ userId: name, limit: 1000 })).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(told));
    // One may have been written and not told any more.
    expect(ids.length - told.length).toBeLessThanOrEqual(1);
    for (const id of ids) {
      expect([0, 50]).toContain((await store.events({ sessionId: id, limit: 100 })).length);
    }
  }
  await using store = await openSessionStore({ url });
  for (const id of written) expect(await store.get(id)).toMatchObject({ id, state: "opening" });
}, 120_000);
