import { requireWholeNumber } from "@carrel/backend-protocol";
import type {
  NewSession,
  OpenCeilings,
  OpenOutcome,
  SessionRecord,
  SessionStore,
} from "@carrel/session-manager";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "../database/database.ts";
import { sessionRecord } from "./records.ts";
import type { Tables } from "./tables.ts";

type Queries = Kysely<Tables>;

export async function getSession(database: Database, id: string): Promise<SessionRecord | null> {
  const row = await database.run((kysely: Queries) =>
    kysely.selectFrom("carrel_sessions").selectAll().where("id", "=", id).executeTakeFirst(),
  );
  return row ? sessionRecord(row) : null;
}

export function openSession(
  database: Database,
  { id, key, userId, scope }: NewSession,
  ceilings: OpenCeilings,
): Promise<OpenOutcome> {
  return database.exclusively("sessions", async (transaction: Transaction<Tables>) => {
    const sessions = transaction.selectFrom("carrel_sessions");
    const found = await sessions.selectAll().where("id", "=", id).executeTakeFirst();
    if (found) return { outcome: "found", record: sessionRecord(found) };
    const ceiling = await fullCeiling(transaction, userId, ceilings);
    if (ceiling) return { outcome: "full", ceiling };
    const opened = await transaction
      .insertInto("carrel_sessions")
      .values({
        id,
        key,
        user_id: userId,
        scope,
        state: "opening",
        created_at: database.now,
        last_used_at: database.now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return { outcome: "opened", record: sessionRecord(opened) };
  });
}

async function fullCeiling(
  transaction: Transaction<Tables>,
  userId: string | null,
  { maxOpenSessions, maxOpenSessionsPerUser }: OpenCeilings,
): Promise<keyof OpenCeilings | null> {
  if (maxOpenSessionsPerUser !== Number.POSITIVE_INFINITY) {
    const ofUser = await countOf(transaction, userId);
    if (ofUser >= maxOpenSessionsPerUser) return "maxOpenSessionsPerUser";
  }
  if (maxOpenSessions === Number.POSITIVE_INFINITY) return null;
  return (await countOf(transaction)) >= maxOpenSessions ? "maxOpenSessions" : null;
}

export async function establishSession(database: Database, id: string): Promise<boolean> {
  const { numUpdatedRows } = await database.run((kysely: Queries) =>
    kysely
      .updateTable("carrel_sessions")
      .set({ state: "open" })
      .where("id", "=", id)
      .executeTakeFirstOrThrow(),
  );
  return numUpdatedRows > 0n;
}

export async function closeSession(database: Database, id: string): Promise<boolean> {
  const { numDeletedRows } = await database.run((kysely: Queries) =>
    kysely.deleteFrom("carrel_sessions").where("id", "=", id).executeTakeFirstOrThrow(),
  );
  return numDeletedRows > 0n;
}

export async function listSessions(
  database: Database,
  { userId, key, after, limit }: Parameters<SessionStore["list"]>[0],
): Promise<SessionRecord[]> {
  requireLimit(limit);
  const rows = await database.run((kysely: Queries) =>
    kysely
      .selectFrom("carrel_sessions")
      .selectAll()
      .$if(userId !== undefined, (query) => query.where("user_id", "=", userId as string))
      .$if(key !== undefined, (query) => query.where("key", "=", key as string))
      .$if(after !== undefined, (query) => query.where("id", ">", after as string))
      .orderBy("id")
      .limit(limit)
      .execute(),
  );
  return rows.map(sessionRecord);
}

export function countSessions(database: Database, userId?: string | null): Promise<number> {
  return database.run((kysely: Queries) => countOf(kysely, userId));
}

export function requireLimit(limit: number): void {
  requireWholeNumber("limit", limit, { minimum: 1, maximum: 1000 });
}

/** @param userId `null`: those without one; absent: all */
async function countOf(kysely: Queries, userId?: string | null): Promise<number> {
  const { count } = await kysely
    .selectFrom("carrel_sessions")
    .select((expression) => expression.fn.countAll<number>().as("count"))
    .$if(userId === null, (query) => query.where("user_id", "is", null))
    .$if(typeof userId === "string", (query) => query.where("user_id", "=", userId as string))
    .executeTakeFirstOrThrow();
  return count;
}
