import type { SessionStore } from "@carrel/session-manager";
import type { Database } from "./database/database.ts";
import { openDatabase } from "./database/open-database.ts";
import type { DatabaseOptions } from "./database/open-database.ts";
import { sessionMigrations } from "./store/migrations.ts";
import { sqlSessionStore } from "./store/sql-session-store.ts";

/**
 * Open the store of an installation's sessions, with a database of its own.
 * @throws as {@link openDatabase}, and `unsupported` where a newer program has been there
 */
export async function openSessionStore(options: DatabaseOptions): Promise<SessionStore> {
  const database = await openDatabase(options);
  const dispose = async (): Promise<void> => database[Symbol.asyncDispose]();
  try {
    await database.migrate("sessions", sessionMigrations(database));
    return sqlSessionStore(database, dispose);
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * The store in a database that holds other tables too, and is disposed of by whoever opened it.
 * @throws `unsupported` where a newer program has been there, `unavailable`
 */
export async function createSessionStore(database: Database): Promise<SessionStore> {
  await database.migrate("sessions", sessionMigrations(database));
  return sqlSessionStore(database, async () => {});
}
