import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { AnyTables, Database } from "../database/database.ts";

/**
 * How the tables of sessions came to be what they are. A database may stand at any of these, so that
 * none is changed once it was published: what comes next is added.
 */
export function sessionMigrations(database: Database): Record<string, Migration> {
  return {
    "0001-sessions": { up: (kysely: Kysely<AnyTables>) => createTables(database, kysely) },
    "0002-room-requests": { up: (kysely: Kysely<AnyTables>) => createRequests(database, kysely) },
  };
}

async function createTables(database: Database, kysely: Kysely<AnyTables>): Promise<void> {
  await createSessions(database, kysely);
  await createResidencies(database, kysely);
  await createEvents(database, kysely);
}

async function createSessions({ textType }: Database, kysely: Kysely<AnyTables>): Promise<void> {
  await kysely.schema
    .createTable("carrel_sessions")
    .addColumn("id", textType, (column) => column.primaryKey().notNull())
    .addColumn("key", textType, (column) => column.notNull())
    .addColumn("user_id", textType)
    .addColumn("scope", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("last_used_at", "bigint", (column) => column.notNull())
    .execute();
  await createIndex(kysely, "carrel_sessions", ["user_id", "id"]);
  await createIndex(kysely, "carrel_sessions", ["key", "id"]);
  await kysely.schema
    .createTable("carrel_workspaces")
    .addColumn("key", textType, (column) => column.primaryKey().notNull())
    .addColumn("user_id", textType)
    .addColumn("status", "text")
    .addColumn("sandbox_id", textType)
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("last_used_at", "bigint", (column) => column.notNull())
    .execute();
  await createIndex(kysely, "carrel_workspaces", ["last_used_at", "key"]);
}

/** What a holder has goes with it. */
async function createResidencies({ textType }: Database, kysely: Kysely<AnyTables>): Promise<void> {
  await kysely.schema
    .createTable("carrel_holders")
    .addColumn("id", textType, (column) => column.primaryKey().notNull())
    .addColumn("beat_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();
  await kysely.schema
    .createTable("carrel_residencies")
    .addColumn("key", textType, (column) => column.notNull())
    .addColumn("holder", textType, (column) =>
      column.notNull().references("carrel_holders.id").onDelete("cascade"),
    )
    .addColumn("user_id", textType)
    .addPrimaryKeyConstraint("carrel_residencies_pkey", ["key", "holder"] as never[])
    .execute();
  await createIndex(kysely, "carrel_residencies", ["holder"]);
  await kysely.schema
    .createTable("carrel_changes")
    .addColumn("key", textType, (column) => column.primaryKey().notNull())
    .addColumn("holder", textType, (column) =>
      column.notNull().references("carrel_holders.id").onDelete("cascade"),
    )
    .execute();
  await createIndex(kysely, "carrel_changes", ["holder"]);
}

async function createRequests({ textType }: Database, kysely: Kysely<AnyTables>): Promise<void> {
  await kysely.schema
    .createTable("carrel_room_requests")
    .addColumn("key", textType, (column) => column.primaryKey().notNull())
    .addColumn("holder", textType, (column) =>
      column.notNull().references("carrel_holders.id").onDelete("cascade"),
    )
    .addColumn("of_user", textType)
    .addColumn("asked_at", "bigint", (column) => column.notNull())
    .addColumn("taken_by", textType, (column) =>
      column.references("carrel_holders.id").onDelete("set null"),
    )
    .execute();
  await createIndex(kysely, "carrel_room_requests", ["holder"]);
  await createIndex(kysely, "carrel_room_requests", ["taken_by"]);
}

async function createEvents(
  { dialect, textType }: Database,
  kysely: Kysely<AnyTables>,
): Promise<void> {
  const events = kysely.schema.createTable("carrel_events");
  // Neither gives a number again that was deleted.
  const numbered =
    dialect === "sqlite"
      ? events.addColumn("sequence", "integer", (column) => column.primaryKey().autoIncrement())
      : events.addColumn("sequence", "bigint", (column) =>
          column.primaryKey().generatedAlwaysAsIdentity(),
        );
  await numbered
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("type", "text", (column) => column.notNull())
    .addColumn("session_id", textType)
    .addColumn("key", textType)
    .addColumn("detail", "text", (column) => column.notNull())
    .execute();
  await createIndex(kysely, "carrel_events", ["session_id", "sequence"]);
  await createIndex(kysely, "carrel_events", ["key", "sequence"]);
  await createIndex(kysely, "carrel_events", ["at"]);
}

async function createIndex(
  kysely: Kysely<AnyTables>,
  table: string,
  columns: string[],
): Promise<void> {
  const name = sql.id(`${table}_by_${columns.join("_")}`);
  const list = sql.join(columns.map((column) => sql.id(column)));
  await sql`create index ${name} on ${sql.id(table)} (${list})`.execute(kysely);
}
