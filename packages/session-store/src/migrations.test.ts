import { join } from "node:path";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { describe, expect, test } from "vitest";
import { createTestDatabase, NO_POSTGRES, SKIPS_POSTGRES } from "../test/postgres.ts";
import { temporaryDirectory } from "../test/temporary-directory.ts";
import { createSessionStore, openDatabase, openSessionStore } from "./index.ts";
import type { Database } from "./index.ts";

const NO_CEILINGS = {
  maxOpenSessions: Number.POSITIVE_INFINITY,
  maxOpenSessionsPerUser: Number.POSITIVE_INFINITY,
};
const SESSION = { id: "one", key: "alice", userId: "alice", scope: "user" } as const;

/** Rows that the first version wrote, by the names that it gave to everything. */
const ROWS_OF_VERSION_1 = [
  `insert into carrel_sessions (id, key, user_id, scope, state, created_at, last_used_at)
    values ('one', 'alice', 'alice', 'user', 'open', 1767225600000, 1767225601000)`,
  `insert into carrel_workspaces (key, user_id, status, sandbox_id, created_at, last_used_at)
    values ('alice', 'alice', 'stopped', 'box', 1767225600000, 1767225601000)`,
  `insert into carrel_holders (id, beat_at, expires_at) values ('me', 1767225600000, 1767225601000)`,
  `insert into carrel_residencies (key, holder, user_id) values ('alice', 'me', 'alice')`,
  `insert into carrel_changes (key, holder) values ('alice', 'me')`,
  `insert into carrel_events (at, type, session_id, key, detail)
    values (1767225600000, 'session-opened', 'one', 'alice', '{"path":"cold"}')`,
];

interface Place extends AsyncDisposable {
  url: string;
}

async function fileOfSqlite(): Promise<Place> {
  const directory = await temporaryDirectory();
  return {
    url: join(directory.path, "data", "sessions.db"),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

async function migrationsDone(database: Database, name: string): Promise<string[]> {
  const table = sql.id(`carrel_${name}_migrations`);
  const { rows } = await database.run((kysely) =>
    sql<{ name: string }>`select name from ${table} order by name`.execute(kysely),
  );
  return rows.map((row) => row.name);
}

async function createTable(kysely: Kysely<never>, name: string): Promise<void> {
  await kysely.schema.createTable(name).addColumn("id", "integer").execute();
}

const OWN_MIGRATIONS = {
  "0001-chats": { up: (kysely: Kysely<never>) => createTable(kysely, "chats") },
  "0002-messages": { up: (kysely: Kysely<never>) => createTable(kysely, "messages") },
};

describe.each([
  { name: "SQLite", create: fileOfSqlite, skipped: false },
  {
    name: SKIPS_POSTGRES ? `PostgreSQL (skipped: ${NO_POSTGRES})` : "PostgreSQL",
    create: createTestDatabase as () => Promise<Place>,
    skipped: SKIPS_POSTGRES,
  },
])("$name", ({ create, skipped }) => {
  test.skipIf(skipped)("an empty database becomes one of sessions", async () => {
    await using place = await create();
    await using database = await openDatabase(place);
    const store = await createSessionStore(database);
    expect(await store.open(SESSION, NO_CEILINGS)).toMatchObject({ outcome: "opened" });
    expect(await migrationsDone(database, "sessions")).toEqual([
      "0001-sessions",
      "0002-room-requests",
    ]);
  });

  test.skipIf(skipped)("what the first version wrote is there", async () => {
    await using place = await create();
    await using database = await openDatabase(place);
    await createSessionStore(database);
    for (const row of ROWS_OF_VERSION_1) {
      await database.run((kysely) => sql.raw(row).execute(kysely));
    }
    await using store = await openSessionStore(place);
    expect(await store.get("one")).toEqual({
      ...SESSION,
      state: "open",
      createdAt: "2026-01-01T00:00:00.000Z",
      lastUsedAt: "2026-01-01T00:00:01.000Z",
    });
    expect(await store.workspace("alice")).toMatchObject({ status: "stopped", sandboxId: "box" });
    expect(await store.events({ limit: 10 })).toMatchObject([{ detail: { path: "cold" } }]);
    await store.beat("you", 600_000);
    expect(await store.beginChange("alice", "you")).toBe(true);
  });

  test.skipIf(skipped)("a database that a newer program wrote is refused, and stays", async () => {
    await using place = await create();
    await using database = await openDatabase(place);
    const store = await createSessionStore(database);
    await store.open(SESSION, NO_CEILINGS);
    await database.run((kysely) =>
      sql`insert into carrel_sessions_migrations (name, timestamp)
        values ('9999-from-tomorrow', '2099-01-01T00:00:00.000Z')`.execute(kysely),
    );
    await expect(openSessionStore(place)).rejects.toMatchObject({
      name: "SandboxError",
      code: "unsupported",
      message: expect.stringContaining("9999-from-tomorrow"),
    });
    expect(await store.get("one")).toMatchObject({ id: "one" });
  });

  test.skipIf(skipped)("of many who start at once, one migrates", async () => {
    await using place = await create();
    const stores = await Promise.all(
      Array.from({ length: 8 }, () => openSessionStore({ ...place, maxConnections: 2 })),
    );
    const outcomes = await Promise.all(stores.map((store) => store.open(SESSION, NO_CEILINGS)));
    expect(outcomes.filter(({ outcome }) => outcome === "opened")).toHaveLength(1);
    for (const store of stores) await store[Symbol.asyncDispose]();
    await using database = await openDatabase(place);
    expect(await migrationsDone(database, "sessions")).toEqual([
      "0001-sessions",
      "0002-room-requests",
    ]);
  });

  test.skipIf(skipped)(
    "other tables live beside the sessions, at a pace of their own",
    async () => {
      await using place = await create();
      await using database = await openDatabase(place);
      const { "0001-chats": first } = OWN_MIGRATIONS;
      await database.migrate("chats", { "0001-chats": first });
      await createSessionStore(database);
      await database.migrate("chats", OWN_MIGRATIONS);
      await database.migrate("chats", OWN_MIGRATIONS);
      expect(await migrationsDone(database, "chats")).toEqual(Object.keys(OWN_MIGRATIONS));
      interface Chats {
        chats: { id: number };
      }
      const ids = await database.run(async (kysely: Kysely<Chats>) => {
        await kysely.insertInto("chats").values({ id: 7 }).execute();
        return kysely.selectFrom("chats").select("id").execute();
      });
      expect(ids).toEqual([{ id: 7 }]);
    },
  );

  test.skipIf(skipped)("of a migration that fails, nothing stays", async () => {
    await using place = await create();
    await using database = await openDatabase(place);
    const failing = {
      ...OWN_MIGRATIONS,
      "0003-fails": { up: () => Promise.reject(new Error("no")) },
    };
    await expect(database.migrate("chats", failing)).rejects.toThrow("no");
    expect(await migrationsDone(database, "chats")).toEqual([]);
    await database.migrate("chats", OWN_MIGRATIONS);
    expect(await migrationsDone(database, "chats")).toEqual(Object.keys(OWN_MIGRATIONS));
  });

  test.skipIf(skipped)("a set of tables with a strange name is refused", async () => {
    await using place = await create();
    await using database = await openDatabase(place);
    for (const name of ["", "Chats", "a b", "x;", "_a", "a__b"]) {
      await expect(database.migrate(name, {})).rejects.toMatchObject({ code: "invalid-argument" });
    }
  });
});
