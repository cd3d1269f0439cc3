import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import type {
  CompiledQuery,
  DatabaseConnection,
  DatabaseIntrospector,
  Dialect,
  Driver,
  Kysely,
  QueryResult,
} from "kysely";
import { retryWhileBusy } from "./busy-retry.ts";
import { SqliteErasure } from "./sqlite-erasure.ts";

const MAX_PREPARED = 200;

/** Kysely over Node's SQLite, on one connection. */
export class NodeSqliteDialect implements Dialect {
  readonly #file: DatabaseSync;
  readonly #timeoutMs: number;

  /** @param timeoutMs how long others may have the file, before a statement fails as busy */
  constructor(file: DatabaseSync, timeoutMs: number) {
    this.#file = file;
    this.#timeoutMs = timeoutMs;
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#file, this.#timeoutMs);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new TransactionalSqliteAdapter();
  }

  createIntrospector(database: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(database);
  }
}

/** SQLite takes back changes of the schema as well, so that migrations are one transaction. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class NodeSqliteDriver implements Driver {
  readonly #file: DatabaseSync;
  readonly #connection: NodeSqliteConnection;
  readonly #erasure: SqliteErasure;
  readonly #timeoutMs: number;

  constructor(file: DatabaseSync, timeoutMs: number) {
    this.#file = file;
    this.#timeoutMs = timeoutMs;
    this.#erasure = new SqliteErasure(file);
    this.#connection = new NodeSqliteConnection(file, this.#erasure, timeoutMs);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  /** The right to write comes first: who read before it would decide by what may be outdated. */
  async beginTransaction(): Promise<void> {
    await retryWhileBusy(() => this.#file.exec("begin immediate"), this.#timeoutMs);
  }

  async commitTransaction(): Promise<void> {
    this.#file.exec("commit");
  }

  /** After some errors, such as a full disk, SQLite rolls back by itself. */
  async rollbackTransaction(): Promise<void> {
    if (this.#file.isTransaction) this.#file.exec("rollback");
  }

  /** Nothing here waits for input or output, so a long queue would hold up all else in the process. */
  async releaseConnection(): Promise<void> {
    await nextTurn();
  }

  async destroy(): Promise<void> {
    this.#erasure.stop();
    this.#file.close();
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #file: DatabaseSync;
  readonly #erasure: SqliteErasure;
  readonly #timeoutMs: number;
  /** The least recently used first. */
  readonly #prepared = new Map<string, StatementSync>();

  constructor(file: DatabaseSync, erasure: SqliteErasure, timeoutMs: number) {
    this.#file = file;
    this.#erasure = erasure;
    this.#timeoutMs = timeoutMs;
  }

  executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    return retryWhileBusy(() => {
      const statement = this.#prepare(sql);
      const values = parameters as readonly SQLInputValue[];
      if (statement.columns().length > 0) {
        const rows = statement.all(...values) as Row[];
        if (rows.length > 0) this.#erasure.noteChange(sql);
        return { rows };
      }
      const { changes, lastInsertRowid } = statement.run(...values);
      if (changes > 0) this.#erasure.noteChange(sql);
      return {
        rows: [],
        numAffectedRows: BigInt(changes),
        insertId: BigInt(lastInsertRowid),
      };
    }, this.#timeoutMs);
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    yield await this.executeQuery<Row>(query);
  }

  #prepare(sql: string): StatementSync {
    const statement = this.#prepared.get(sql) ?? this.#file.prepare(sql);
    this.#prepared.delete(sql);
    this.#prepared.set(sql, statement);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size > MAX_PREPARED && oldest !== undefined) this.#prepared.delete(oldest);
    return statement;
  }
}
