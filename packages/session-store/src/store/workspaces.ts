import type { SandboxStatus } from "@carrel/backend-protocol";
import type { SessionStore, WorkspaceRecord } from "@carrel/session-manager";
import { sql } from "kysely";
import type { Expression, ExpressionBuilder, Kysely, SqlBool, Transaction } from "kysely";
import type { Database } from "../database/database.ts";
import { livingResidencies } from "./holders.ts";
import { workspaceRecord } from "./records.ts";
import { requireLimit } from "./sessions.ts";
import type { Tables } from "./tables.ts";
import { wholeMs } from "./uses.ts";

type Queries = Kysely<Tables>;

export async function getWorkspace(
  database: Database,
  key: string,
): Promise<WorkspaceRecord | null> {
  const row = await database.run((kysely: Queries) =>
    kysely.selectFrom("carrel_workspaces").selectAll().where("key", "=", key).executeTakeFirst(),
  );
  return row ? workspaceRecord(row) : null;
}

/** Write down that a workspace is used now, and whose it is where that was not known. */
export async function writeUsedWorkspace(
  { now }: Database,
  transaction: Transaction<Tables>,
  key: string,
  userId: string | null,
): Promise<void> {
  const known = sql.ref<number>("carrel_workspaces.last_used_at");
  await transaction
    .insertInto("carrel_workspaces")
    .values({
      key,
      user_id: userId,
      status: null,
      sandbox_id: null,
      created_at: now,
      last_used_at: now,
    })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet((expression) => ({
        user_id: expression.fn.coalesce("carrel_workspaces.user_id", "excluded.user_id"),
        last_used_at: sql<number>`case when ${known} > ${now} then ${known} else ${now} end`,
      })),
    )
    .execute();
}

export async function recordSandbox(
  database: Database,
  key: string,
  { status, sandboxId }: { status: SandboxStatus; sandboxId: string | null },
): Promise<void> {
  const { now } = database;
  const told = { status, sandbox_id: sandboxId };
  await database.run((kysely: Queries) =>
    kysely
      .insertInto("carrel_workspaces")
      .values({ key, user_id: null, ...told, created_at: now, last_used_at: now })
      .onConflict((conflict) => conflict.column("key").doUpdateSet(told))
      .execute(),
  );
}

export async function listUnusedWorkspaces(
  database: Database,
  { unusedForMs, status, limit }: Parameters<SessionStore["unusedWorkspaces"]>[0],
): Promise<WorkspaceRecord[]> {
  requireLimit(limit);
  const usedBefore = sql<number>`${database.now} - ${sql.lit(wholeMs(unusedForMs))}`;
  const rows = await database.run((kysely: Queries) =>
    kysely
      .selectFrom("carrel_workspaces")
      .selectAll()
      .where("last_used_at", "<=", usedBefore)
      .$if(status !== undefined, (query) => query.where("status", "=", status as SandboxStatus))
      .where((expression) => isUnused(database, kysely, expression))
      .orderBy("last_used_at")
      .orderBy("key")
      .limit(limit)
      .execute(),
  );
  return rows.map(workspaceRecord);
}

export async function forgetWorkspace(database: Database, key: string): Promise<boolean> {
  return database.exclusively("sessions", async (transaction: Transaction<Tables>) => {
    const { numDeletedRows } = await transaction
      .deleteFrom("carrel_workspaces")
      .where("key", "=", key)
      .where((expression) => isUnused(database, transaction, expression))
      .executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  });
}

/** No session is open for it, and no living holder holds it. */
function isUnused(
  database: Database,
  kysely: Queries,
  expression: ExpressionBuilder<Tables, "carrel_workspaces">,
): Expression<SqlBool> {
  const sessions = kysely
    .selectFrom("carrel_sessions")
    .select("id")
    .where(sql<boolean>`carrel_sessions.key = carrel_workspaces.key`);
  const residencies = livingResidencies(database, kysely)
    .select("carrel_residencies.key")
    .where(sql<boolean>`carrel_residencies.key = carrel_workspaces.key`);
  return expression.and([
    expression.not(expression.exists(sessions)),
    expression.not(expression.exists(residencies)),
  ]);
}
