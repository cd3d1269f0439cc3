import { SandboxError } from "@carrel/backend-protocol";
import { sql } from "kysely";
import type { Kysely, RawBuilder, SelectQueryBuilder, Transaction } from "kysely";
import type { Database } from "../database/database.ts";
import type { Tables } from "./tables.ts";
import { wholeMs } from "./uses.ts";

/** Statements of one moment may have clocks that differ by less than this. */
export const CLOCK_SLACK_MS = 1000;

/** Whether a holder lives. */
export function isLiving({ now }: Database): RawBuilder<boolean> {
  return sql<boolean>`(carrel_holders.expires_at > ${now})`;
}

/** The row of a holder, where it lives. */
export function livingHolder(
  database: Database,
  kysely: Kysely<Tables>,
  holder: string,
): SelectQueryBuilder<Tables, "carrel_holders", { id: string }> {
  return kysely
    .selectFrom("carrel_holders")
    .select("id")
    .where("id", "=", holder)
    .where(isLiving(database));
}

/** What living holders hold. */
export function livingResidencies(
  database: Database,
  kysely: Kysely<Tables>,
): SelectQueryBuilder<Tables, "carrel_residencies" | "carrel_holders", object> {
  return kysely
    .selectFrom("carrel_residencies")
    .innerJoin("carrel_holders", "carrel_holders.id", "carrel_residencies.holder")
    .where(isLiving(database));
}

/** What living holders change. */
export function livingChanges(
  database: Database,
  kysely: Kysely<Tables>,
): SelectQueryBuilder<Tables, "carrel_changes" | "carrel_holders", object> {
  return kysely
    .selectFrom("carrel_changes")
    .innerJoin("carrel_holders", "carrel_holders.id", "carrel_changes.holder")
    .where(isLiving(database));
}

/** Live on; the dead go, with all that they held. */
export function beatHolder(database: Database, holder: string, ttlMs: number): Promise<boolean> {
  const { now } = database;
  const times = { beat_at: now, expires_at: sql<number>`${now} + ${sql.lit(wholeMs(ttlMs))}` };
  return database.exclusively("sessions", async (transaction: Transaction<Tables>) => {
    await followClock(database, transaction);
    await transaction
      .deleteFrom("carrel_holders")
      .where((expression) => expression.not(isLiving(database)))
      .execute();
    const { numUpdatedRows } = await transaction
      .updateTable("carrel_holders")
      .set(times)
      .where("id", "=", holder)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) return true;
    await transaction
      .insertInto("carrel_holders")
      .values({ id: holder, ...times })
      .execute();
    return false;
  });
}

/**
 * Holders whose beats lie in the future beat before the clock was set back. Nobody knows how long ago:
 * they get their time to live once more.
 */
async function followClock({ now }: Database, transaction: Transaction<Tables>): Promise<void> {
  await transaction
    .updateTable("carrel_holders")
    .set({ beat_at: now, expires_at: sql<number>`${now} + expires_at - beat_at` })
    .where(sql<boolean>`beat_at > ${now} + ${sql.lit(CLOCK_SLACK_MS)}`)
    .execute();
}

export async function retireHolder(database: Database, holder: string): Promise<void> {
  await database.exclusively("sessions", (transaction: Transaction<Tables>) =>
    transaction.deleteFrom("carrel_holders").where("id", "=", holder).execute(),
  );
}

export async function retireOtherHolders(database: Database, holder: string): Promise<void> {
  await database.exclusively("sessions", (transaction: Transaction<Tables>) =>
    transaction.deleteFrom("carrel_holders").where("id", "!=", holder).execute(),
  );
}

export function deadHolder(holder: string): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: `The holder ${JSON.stringify(holder)} does not live: it has to beat first.`,
    retryAfterMs: 0,
  });
}
