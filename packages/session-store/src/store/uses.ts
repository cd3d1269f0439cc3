import { sql } from "kysely";
import type { Transaction } from "kysely";
import type { Database } from "../database/database.ts";
import { inBatches } from "./in-batches.ts";
import type { Tables } from "./tables.ts";

type Use = readonly [sessionId: string, agoMs: number];

/** Write down when sessions were used last, and with them their workspaces. */
export async function touchSessions(
  database: Database,
  uses: readonly { sessionId: string; agoMs: number }[],
): Promise<void> {
  const latest = new Map<string, number>();
  for (const { sessionId, agoMs } of uses) {
    latest.set(sessionId, Math.min(agoMs, latest.get(sessionId) ?? Number.POSITIVE_INFINITY));
  }
  if (latest.size === 0) return;
  await database.exclusively("uses", async (transaction: Transaction<Tables>) => {
    for (const batch of inBatches([...latest])) {
      await touchBatch(transaction, database, batch);
      await touchWorkspaces(
        transaction,
        batch.map(([sessionId]) => sessionId),
      );
    }
  });
}

async function touchBatch(
  transaction: Transaction<Tables>,
  { now }: Database,
  uses: readonly Use[],
): Promise<void> {
  const rows = sql.join(
    uses.map(([sessionId, agoMs]) => sql`(${sessionId}, cast(${wholeMs(agoMs)} as bigint))`),
  );
  const toldAt = sql`${now} - uses.column2`;
  const usedAt = sql`case when ${toldAt} > created_at then ${toldAt} else created_at + 1 end`;
  await sql`
    update carrel_sessions set last_used_at = ${usedAt}
    from (values ${rows}) as uses
    where carrel_sessions.id = uses.column1 and last_used_at < ${usedAt}
  `.execute(transaction);
}

/** A workspace was used last when one of its sessions was. */
async function touchWorkspaces(
  transaction: Transaction<Tables>,
  sessionIds: readonly string[],
): Promise<void> {
  await transaction
    .updateTable("carrel_workspaces")
    .from((from) =>
      from
        .selectFrom("carrel_sessions")
        .select(["key", (select) => select.fn.max("last_used_at").as("used_at")])
        .where("id", "in", sessionIds)
        .groupBy("key")
        .as("used"),
    )
    .set((expression) => ({ last_used_at: expression.ref("used.used_at") }))
    .whereRef("carrel_workspaces.key", "=", "used.key")
    .whereRef("carrel_workspaces.last_used_at", "<", "used.used_at")
    .execute();
}

/** The databases count whole milliseconds, and no further than JavaScript does. */
export function wholeMs(milliseconds: number): number {
  const { MAX_SAFE_INTEGER } = Number;
  return Math.round(Math.max(-MAX_SAFE_INTEGER, Math.min(MAX_SAFE_INTEGER, milliseconds)));
}
