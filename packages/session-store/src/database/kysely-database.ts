import { setTimeout as sleep } from "node:timers/promises";
import { SandboxError } from "@carrel/backend-protocol";
import { sql } from "kysely";
import type { Kysely, RawBuilder, Transaction } from "kysely";
import type { Migration } from "kysely/migration";
import type { AnyTables, Database, ExclusiveWork } from "./database.ts";
import { LOCKS } from "./database.ts";
import { migrateTables } from "./migrate-tables.ts";
import { gaveWay, translatePostgresError } from "./postgres-errors.ts";
import { translateSqliteError } from "./sqlite-errors.ts";

/** Of the first number of PostgreSQL's advisory locks, which other programs in the database may use. */
const LOCK_SPACE = 0x63617272;
const MAX_TRIES = 5;
const RETRY_WAIT_MS = 20;

const DIALECTS = {
  sqlite: {
    now: sql<number>`cast(round(unixepoch('subsec') * 1000) as integer)`,
    textType: sql<string>`text`,
    translate: translateSqliteError,
  },
  postgres: {
    now: sql<number>`floor(extract(epoch from statement_timestamp()) * 1000)::bigint`,
    textType: sql<string>`text collate "C"`,
    translate: translatePostgresError,
  },
} as const;

export class KyselyDatabase implements Database {
  readonly dialect: "sqlite" | "postgres";
  readonly kysely: Kysely<AnyTables>;
  readonly now: RawBuilder<number>;
  readonly textType: RawBuilder<string>;
  readonly #translate: (error: unknown) => SandboxError | null;
  readonly #underWay = new Set<Promise<unknown>>();
  #disposal: Promise<void> | undefined;

  constructor(dialect: "sqlite" | "postgres", kysely: Kysely<AnyTables>) {
    const { now, textType, translate } = DIALECTS[dialect];
    this.dialect = dialect;
    this.kysely = kysely;
    this.now = now;
    this.textType = textType;
    this.#translate = translate;
  }

  run<Tables, Result>(work: (kysely: Kysely<Tables>) => Promise<Result>): Promise<Result> {
    return this.#track(() => work(this.kysely as unknown as Kysely<Tables>));
  }

  exclusively<Tables, Result>(
    what: ExclusiveWork,
    work: (transaction: Transaction<Tables>) => Promise<Result>,
  ): Promise<Result> {
    return this.#track(async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await this.#transact(what, work);
        } catch (error) {
          if (!gaveWay(error) || tries === MAX_TRIES) throw error;
        }
        await sleep(RETRY_WAIT_MS * tries * Math.random());
      }
    });
  }

  migrate(name: string, migrations: Readonly<Record<string, Migration>>): Promise<void> {
    return this.#track(() => migrateTables(this.kysely, name, migrations));
  }

  /** What is under way is waited for. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= (async () => {
      await Promise.allSettled(this.#underWay);
      await this.kysely.destroy();
    })();
    return this.#disposal;
  }

  // The lock is a statement of its own: what comes after it sees all that was committed before it.
  #transact<Tables, Result>(
    what: ExclusiveWork,
    work: (transaction: Transaction<Tables>) => Promise<Result>,
  ): Promise<Result> {
    return this.kysely.transaction().execute(async (transaction) => {
      if (this.dialect === "postgres") {
        await sql`select pg_advisory_xact_lock(${LOCK_SPACE}, ${LOCKS[what]})`.execute(transaction);
      }
      return work(transaction as unknown as Transaction<Tables>);
    });
  }

  async #track<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#disposal) {
      throw new SandboxError({ code: "unavailable", message: "The database was closed." });
    }
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } catch (error) {
      throw this.#translate(error) ?? error;
    } finally {
      this.#underWay.delete(working);
    }
  }
}
