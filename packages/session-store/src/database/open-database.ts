import { requireWholeNumber } from "@carrel/backend-protocol";
import { Kysely, PostgresDialect, sql } from "kysely";
import { parseDatabaseUrl } from "./database-url.ts";
import type { DatabaseAddress } from "./database-url.ts";
import type { AnyTables, Database } from "./database.ts";
import { KyselyDatabase } from "./kysely-database.ts";
import { createPostgresPool } from "./postgres-pool.ts";
import { NodeSqliteDialect } from "./sqlite-dialect.ts";
import { translateSqliteError } from "./sqlite-errors.ts";
import { openSqliteFile } from "./sqlite-file.ts";

export const DEFAULT_MAX_CONNECTIONS = 10;
export const DEFAULT_DATABASE_TIMEOUT_MS = 10_000;

export interface DatabaseOptions {
  /** `postgres://…`, or the path of a file for SQLite, with or without `sqlite:` before it. */
  url: string;
  /** To PostgreSQL, of this process. @default {@link DEFAULT_MAX_CONNECTIONS} */
  maxConnections?: number;
  /**
   * How long a statement may take, and be waited for. @default {@link DEFAULT_DATABASE_TIMEOUT_MS}
   */
  timeoutMs?: number;
}

/**
 * Open the database of an installation. A file is made where it is missing, readable by this user alone.
 * @throws `invalid-argument`, `unavailable`, `permission-denied`, `no-space`, `timeout`
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const {
    url,
    maxConnections = DEFAULT_MAX_CONNECTIONS,
    timeoutMs = DEFAULT_DATABASE_TIMEOUT_MS,
  } = options;
  requireWholeNumber("maxConnections", maxConnections, { minimum: 1, maximum: 1000 });
  requireWholeNumber("timeoutMs", timeoutMs, { minimum: 1, maximum: 3_600_000 });
  const address = parseDatabaseUrl(url);
  const database = await connect(address, { maxConnections, timeoutMs });
  try {
    await database.run((kysely) => sql`select 1`.execute(kysely));
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

async function connect(
  address: DatabaseAddress,
  options: { maxConnections: number; timeoutMs: number },
): Promise<KyselyDatabase> {
  if (address.dialect === "sqlite") return openSqlite(address.path, options.timeoutMs);
  const pool = createPostgresPool(address.url, options);
  return new KyselyDatabase("postgres", new Kysely({ dialect: new PostgresDialect({ pool }) }));
}

async function openSqlite(path: string, timeoutMs: number): Promise<KyselyDatabase> {
  try {
    const file = await openSqliteFile(path, timeoutMs);
    const dialect = new NodeSqliteDialect(file, timeoutMs);
    return new KyselyDatabase("sqlite", new Kysely<AnyTables>({ dialect }));
  } catch (error) {
    throw translateSqliteError(error) ?? error;
  }
}
