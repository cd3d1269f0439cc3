import { MAX_PRUNED_EVENTS } from "@carrel/session-manager";
import type { LoggedEvent, SessionStore } from "@carrel/session-manager";
import { sql } from "kysely";
import type { Expression, Kysely, SqlBool, Transaction } from "kysely";
import type { Database } from "../database/database.ts";
import { inBatches } from "./in-batches.ts";
import { loggedEvent } from "./records.ts";
import { requireLimit } from "./sessions.ts";
import type { Tables } from "./tables.ts";
import { wholeMs } from "./uses.ts";

export async function logEvents(
  database: Database,
  events: readonly Omit<LoggedEvent, "sequence" | "at">[],
): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ type, sessionId, key, detail }) => ({
    at: database.now,
    type,
    session_id: sessionId,
    key,
    detail: JSON.stringify(detail),
  }));
  await database.exclusively("events", async (transaction: Transaction<Tables>) => {
    for (const batch of inBatches(rows)) {
      await transaction.insertInto("carrel_events").values(batch).execute();
    }
  });
}

export async function listEvents(
  database: Database,
  { sessionId, key, after = 0, limit }: Parameters<SessionStore["events"]>[0],
): Promise<LoggedEvent[]> {
  requireLimit(limit);
  const rows = await database.run((kysely: Kysely<Tables>) =>
    kysely
      .selectFrom("carrel_events")
      .selectAll()
      .where("sequence", ">", after)
      .$if(sessionId !== undefined, (query) => query.where("session_id", "=", sessionId as string))
      .$if(key !== undefined, (query) => query.where("key", "=", key as string))
      .orderBy("sequence")
      .limit(limit)
      .execute(),
  );
  return rows.map(loggedEvent);
}

export async function pruneEvents(
  database: Database,
  olderThanMs: number,
  keep: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  const loggedBefore = sql<number>`${database.now} - ${sql.lit(wholeMs(olderThanMs))}`;
  const isOld = sql<boolean>`at < ${loggedBefore}`;
  if (keep === Number.POSITIVE_INFINITY) return deleteEvents(database, isOld);
  // Numbers have gaps, so that these may be fewer lines, and never more.
  const lastToGo = sql`(select max(sequence) from carrel_events) - ${sql.lit(Math.trunc(keep))}`;
  return deleteEvents(database, sql<boolean>`(${isOld} or sequence <= ${lastToGo})`);
}

export async function forgetEvents(database: Database, key: string): Promise<number> {
  return deleteEvents(database, sql<boolean>`key = ${key}`);
}

/** Not all at once: whoever logs meanwhile waits until it is done. */
async function deleteEvents(database: Database, isMeant: Expression<SqlBool>): Promise<number> {
  return database.exclusively("events", async (transaction: Transaction<Tables>) => {
    const { numDeletedRows } = await transaction
      .deleteFrom("carrel_events")
      .where("sequence", "in", (from) =>
        from
          .selectFrom("carrel_events")
          .select("sequence")
          .where(isMeant)
          .orderBy("sequence")
          .limit(MAX_PRUNED_EVENTS),
      )
      .executeTakeFirstOrThrow();
    return Number(numDeletedRows);
  });
}
