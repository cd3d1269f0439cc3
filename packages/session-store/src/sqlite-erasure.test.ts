import { chmod, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../test/temporary-directory.ts";
import { loadNodeSqlite } from "./database/node-sqlite.ts";
import { openDatabase } from "./index.ts";
import type { Database } from "./index.ts";

// "Within seconds", on a machine that does much else.
const SOON = { timeout: 20_000, interval: 50 };
const MARKER = "canary-of-a-deleted-text";

interface Tables {
  texts: { id: number; text: string };
}

/** The files of a folder that have this text in them, whichever part of them it is. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const names = await readdir(folder);
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return names.filter((_, index) => contents[index]?.includes(text));
}

async function openTexts(folder: string): Promise<Database> {
  const database = await openDatabase({ url: join(folder, "texts.db") });
  await database.run((kysely) =>
    sql`create table if not exists texts (id integer primary key, text text)`.execute(kysely),
  );
  return database;
}

async function save(database: Database, id: number, text: string): Promise<void> {
  await database.run<Tables, unknown>((kysely) =>
    kysely
      .insertInto("texts")
      .values({ id, text })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ text }))
      .execute(),
  );
}

async function remove(database: Database, id: number): Promise<void> {
  await database.run<Tables, unknown>((kysely) =>
    kysely.deleteFrom("texts").where("id", "=", id).execute(),
  );
}

describe("what was deleted", () => {
  test.each([
    ["a short text", 1],
    ["a text of a megabyte", 40_000],
  ])("%s: is in no file of the folder soon after", async (_, times) => {
    await using directory = await temporaryDirectory();
    await using database = await openTexts(directory.path);
    // Each version of it is in the log.
    for (let version = 1; version <= 3; version++) {
      await save(database, 1, `${version} ${MARKER.repeat(times)}`);
    }
    await save(database, 2, "what stays");
    expect(await filesWith(directory.path, MARKER)).not.toEqual([]);
    await remove(database, 1);
    await expect.poll(() => filesWith(directory.path, MARKER), SOON).toEqual([]);
    expect(await filesWith(directory.path, "what stays")).toEqual(["texts.db"]);
  });

  test("after it reached the database itself: is in no file soon after", async () => {
    await using directory = await temporaryDirectory();
    {
      await using database = await openTexts(directory.path);
      for (let id = 1; id <= 50; id++)
        await save(database, id, `${MARKER} ${"x".repeat(id * 100)}`);
    }
    expect(await filesWith(directory.path, MARKER)).toEqual(["texts.db"]);
    await using database = await openTexts(directory.path);
    for (let id = 1; id <= 50; id++) await remove(database, id);
    await expect.poll(() => filesWith(directory.path, MARKER), SOON).toEqual([]);
  });

  test("while another process reads: is gone soon after it ended", async () => {
    await using directory = await temporaryDirectory();
    await using database = await openTexts(directory.path);
    await save(database, 1, MARKER);
    const { DatabaseSync } = loadNodeSqlite();
    const other = new DatabaseSync(join(directory.path, "texts.db"));
    other.exec("begin");
    expect(other.prepare("select text from texts").get()).toEqual({ text: MARKER });
    await remove(database, 1);
    await save(database, 2, "goes on");
    expect(await filesWith(directory.path, MARKER)).not.toEqual([]);
    other.exec("commit");
    await expect.poll(() => filesWith(directory.path, MARKER), SOON).toEqual([]);
    other.close();
  });

  test("by a process that was killed before it was erased: is gone soon after the next start", async () => {
    await using directory = await temporaryDirectory();
    await using copied = await temporaryDirectory();
    await using database = await openTexts(directory.path);
    await save(database, 1, MARKER);
    await remove(database, 1);
    // As a killed process leaves them.
    for (const name of ["texts.db", "texts.db-wal"]) {
      await writeFile(join(copied.path, name), await readFile(join(directory.path, name)));
    }
    expect(await filesWith(copied.path, MARKER)).not.toEqual([]);
    await using next = await openTexts(copied.path);
    await expect.poll(() => filesWith(copied.path, MARKER), SOON).toEqual([]);
    await save(next, 2, "goes on");
  });
});

describe("what was overwritten", () => {
  test("by a shorter text: is in no file some time after", { timeout: 60_000 }, async () => {
    await using directory = await temporaryDirectory();
    await using database = await openTexts(directory.path);
    // What an earlier process left is erased by now.
    const log = join(directory.path, "texts.db-wal");
    await expect.poll(async () => (await stat(log)).size, SOON).toBe(0);
    await save(database, 1, `kept ${MARKER.repeat(1000)}`);
    await save(database, 1, "kept");
    const later = { timeout: 50_000, interval: 250 };
    await expect.poll(() => filesWith(directory.path, MARKER), later).toEqual([]);
    expect(await filesWith(directory.path, "kept")).toEqual(["texts.db"]);
  });
});

test("files beside the database that others could read: are closed to them", async () => {
  await using directory = await temporaryDirectory();
  const name = (suffix: string): string => join(directory.path, `texts.db${suffix}`);
  {
    await using database = await openTexts(directory.path);
    await save(database, 1, "text");
    for (const suffix of ["", "-wal", "-shm"]) await chmod(name(suffix), 0o644);
    await using other = await openTexts(directory.path);
    await save(other, 2, "text");
    for (const suffix of ["", "-wal", "-shm"]) {
      expect((await stat(name(suffix))).mode & 0o777).toBe(0o600);
    }
  }
});
