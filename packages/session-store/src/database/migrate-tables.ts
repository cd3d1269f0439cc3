import { SandboxError } from "@carrel/backend-protocol";
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import type { Migration } from "kysely/migration";
import type { AnyTables } from "./database.ts";

const NAME = /^[a-z]+(_[a-z]+)*$/;

/** All that is missing is done in one transaction, or nothing is. */
export async function migrateTables(
  kysely: Kysely<AnyTables>,
  name: string,
  migrations: Readonly<Record<string, Migration>>,
): Promise<void> {
  if (!NAME.test(name)) {
    throw new SandboxError({
      code: "invalid-argument",
      message: `${JSON.stringify(name)} cannot name a set of tables; use lower-case letters and single underscores.`,
    });
  }
  const table = `carrel_${name}_migrations`;
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: table,
    migrationLockTableName: `${table}_lock`,
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const unknown = (await doneMigrations(kysely, table)).filter((done) => !(done in migrations));
  if (unknown.length === 0) throw error;
  throw new SandboxError({
    code: "unsupported",
    message: `The database was written by a newer program (its ${name} are at ${unknown.at(-1)}); run that one, or put back a copy from before.`,
    cause: error,
  });
}

async function doneMigrations(kysely: Kysely<AnyTables>, table: string): Promise<string[]> {
  const tables = await kysely.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((each) => each.name === table)) return [];
  const rows = await kysely
    .withTables<Record<string, { name: string }>>()
    .selectFrom(table)
    .select("name")
    .orderBy("name")
    .execute();
  return rows.map((row) => row.name);
}
