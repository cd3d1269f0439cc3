import type { Kysely, RawBuilder, Transaction } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * What must not happen at the same time. On SQLite one writes at a time anyway; on PostgreSQL each
 * has a lock of its own.
 */
export type ExclusiveWork = keyof typeof LOCKS;

export const LOCKS = {
  /** Sessions, holders and workspaces are counted or looked at before they are written. */
  sessions: 1,
  /** Many rows are written at once; in another order they would wait for each other in a circle. */
  uses: 2,
  /** Events are numbered in the order in which they are committed, so that no reader misses one. */
  events: 3,
} as const;

/** It has the tables that its user names. */
export type AnyTables = {};

/** A database of the installation: SQLite in a file, or PostgreSQL. Whoever opened it disposes of it. */
export interface Database extends AsyncDisposable {
  readonly dialect: "sqlite" | "postgres";
  /** For queries of one's own tables: `kysely.withTables<MyTables>()`, inside of {@link run}. */
  readonly kysely: Kysely<AnyTables>;
  /** The time in milliseconds since 1970, of the database's clock when the statement began. */
  readonly now: RawBuilder<number>;
  /** The type of columns whose texts are compared and ordered by their bytes. */
  readonly textType: RawBuilder<string>;
  /**
   * Query the database; a transaction of one's own is `kysely.transaction()`. On SQLite it may write
   * from its first statement on, and one goes on at a time.
   * @throws `unavailable`, `timeout`, `no-space`, `permission-denied`: what the database's error means
   */
  run<Tables, Result>(work: (kysely: Kysely<Tables>) => Promise<Result>): Promise<Result>;
  /**
   * Do work in one transaction, in which what was read stays true until it is committed as far as
   * all who name the same work are concerned. It may be called again where the database took it back.
   * @throws as {@link run}
   */
  exclusively<Tables, Result>(
    what: ExclusiveWork,
    work: (transaction: Transaction<Tables>) => Promise<Result>,
  ): Promise<Result>;
  /**
   * Bring a set of tables up to date. Of several processes that do it at once one does it.
   * @param name of the set, in lower-case letters: each has its own record of what was done
   * @param migrations by names that grow; what was published under a name never changes
   * @throws `unsupported` where a newer program has been there; as {@link run}
   */
  migrate(name: string, migrations: Readonly<Record<string, Migration>>): Promise<void>;
}
