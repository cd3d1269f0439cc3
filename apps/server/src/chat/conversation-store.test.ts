import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessionStore, openDatabase } from "@carrel/session-store";
import type { Database } from "@carrel/session-store";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { openConversationStore } from "./conversation-store.ts";
import type { ConversationStore, StoredMessage } from "./conversation-store.ts";

/** The URL of a PostgreSQL for tests, whose user may create databases; `npm test` starts one. */
const TEST_POSTGRES = process.env["CARREL_TEST_POSTGRES"] || undefined;

interface TestStore extends AsyncDisposable {
  store: ConversationStore;
  database: Database;
}

async function openOn(url: string, dispose: () => Promise<void>): Promise<TestStore> {
  const database = await openDatabase({ url });
  await createSessionStore(database);
  return {
    store: await openConversationStore(database),
    database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await dispose();
    },
  };
}

async function onSqlite(): Promise<TestStore> {
  const directory = await mkdtemp(join(tmpdir(), "carrel-conversations-"));
  return openOn(join(directory, "carrel.db"), () => rm(directory, { recursive: true }));
}

async function onPostgres(): Promise<TestStore> {
  if (TEST_POSTGRES === undefined) throw new Error("CARREL_TEST_POSTGRES names no PostgreSQL");
  const name = `carrel_test_${randomBytes(6).toString("hex")}`;
  const server = await openDatabase({ url: TEST_POSTGRES });
  const ask = (statement: string): Promise<unknown> =>
    server.run((kysely) => sql.raw(statement).execute(kysely));
  await ask(`create database ${name}`);
  const url = Object.assign(new URL(TEST_POSTGRES), { pathname: `/${name}` }).href;
  return openOn(url, async () => {
    await ask(`drop database ${name} with (force)`);
    await server[Symbol.asyncDispose]();
  });
}

function messages(count: number, from = 0): StoredMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    position: from + index,
    content: `message ${from + index} \u0001 💀`,
  }));
}

describe.each([
  { name: "SQLite", open: onSqlite, isMissing: false },
  {
    name: "PostgreSQL",
    open: onPostgres,
    isMissing: TEST_POSTGRES === undefined && !process.env["CI"],
  },
])("conversations on $name", { timeout: 60_000 }, ({ open, isMissing }) => {
  test.skipIf(isMissing)("change, load: what was added comes back in its order", async () => {
    await using opened = await open();
    const { store } = opened;
    expect(await store.load("one")).toBeNull();
    await store.change("one", { removed: [], added: messages(40) });
    await store.change("one", { removed: [], added: messages(3, 40) });
    await store.change("two", { removed: [], added: messages(1) });
    expect(await store.load("one")).toEqual({ text: null, messages: messages(43) });
  });

  test.skipIf(isMissing)("change: removes ranges, or all that was there", async () => {
    await using opened = await open();
    const { store } = opened;
    await store.change("one", { removed: [], added: messages(10) });
    await store.change("one", {
      removed: [
        [0, 3],
        [9, 9],
      ],
      added: messages(1, 10),
    });
    expect(await store.load("one")).toEqual({
      text: null,
      messages: [...messages(5, 4), ...messages(1, 10)],
    });
    await store.change("one", { removed: "all", added: messages(2, 20) });
    expect(await store.load("one")).toEqual({ text: null, messages: messages(2, 20) });
  });

  test.skipIf(isMissing)(
    "change: a text of an earlier version goes with the first rows",
    async () => {
      await using opened = await open();
      const { store, database } = opened;
      const insert = sql`insert into carrel_conversations (session_id, content) values ('one', 'earlier')`;
      await database.run((kysely) => insert.execute(kysely));
      expect(await store.load("one")).toEqual({ text: "earlier", messages: null });
      await store.change("one", { removed: "all", added: messages(2) });
      expect(await store.load("one")).toEqual({ text: null, messages: messages(2) });
    },
  );

  test.skipIf(isMissing)("delete, deleteOrphans: leave nothing", async () => {
    await using opened = await open();
    const { store } = opened;
    for (const session of ["one", "two"]) {
      await store.change(session, { removed: [], added: messages(20) });
    }
    await store.delete("one");
    expect(await store.load("one")).toBeNull();
    // There is no session of this name.
    await store.deleteOrphans();
    expect(await store.load("two")).toBeNull();
  });
});
