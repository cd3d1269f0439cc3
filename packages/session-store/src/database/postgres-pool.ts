import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import { DatabaseError, Pool, types } from "pg";
import type { PoolClient } from "pg";
import { endsConnection, translatePostgresError, unreachable } from "./postgres-errors.ts";

/** After the server's own deadline, so that its answer comes first where the network works. */
const NETWORK_GRACE_MS = 1000;

export interface PostgresPoolOptions {
  maxConnections: number;
  timeoutMs: number;
}

/**
 * Connections to PostgreSQL, in which every wait has an end: for a connection, for an answer, and of
 * the server for the next statement of a transaction, since its locks would stop all others.
 */
export function createPostgresPool(url: string, options: PostgresPoolOptions): PostgresPool {
  const { maxConnections, timeoutMs } = options;
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    query_timeout: timeoutMs + NETWORK_GRACE_MS,
    idle_in_transaction_session_timeout: timeoutMs,
    application_name: "carrel",
    keepAlive: true,
    types: { getTypeParser: parserOf as typeof types.getTypeParser },
  });
  // A connection that breaks tells it here as well as to the query on it, if there is one. It is then
  // out of the pool.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return {
    options: pool.options,
    connect: async () => discardWhenBroken(await connect(pool)),
    end: () => pool.end(),
  };
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw translatePostgresError(error) ?? unreachable(error);
  }
}

/**
 * A connection that failed otherwise than by the server's word about a query is not used again: the
 * server ended it, or an answer that still comes would be taken for that of the next query.
 */
function discardWhenBroken(client: PoolClient): PostgresPoolClient {
  let isBroken = false;
  async function query<Row>(
    sql: string,
    parameters: readonly unknown[],
  ): Promise<PostgresQueryResult<Row>> {
    try {
      return (await client.query(sql, [...parameters])) as unknown as PostgresQueryResult<Row>;
    } catch (error) {
      isBroken = !(error instanceof DatabaseError) || endsConnection(error);
      throw error instanceof DatabaseError ? error : unreachable(error);
    }
  }
  return {
    query: query as PostgresPoolClient["query"],
    release: (destroy = false) => client.release(destroy || isBroken),
  };
}

/** Times and counts are whole numbers that JavaScript has exactly; the driver gives them as text. */
function parserOf(oid: number, format?: "text" | "binary"): unknown {
  if (oid === types.builtins.INT8) return Number;
  return format === "binary" ? types.getTypeParser(oid, format) : types.getTypeParser(oid);
}
