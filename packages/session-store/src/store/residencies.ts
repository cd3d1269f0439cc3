import type { SandboxStatus } from "@carrel/backend-protocol";
import type { AcquireOutcome, ResidentCeilings } from "@carrel/session-manager";
import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "../database/database.ts";
import { deadHolder, livingChanges, livingHolder, livingResidencies } from "./holders.ts";
import type { Tables } from "./tables.ts";
import { writeUsedWorkspace } from "./workspaces.ts";

interface Residency {
  key: string;
  userId: string | null;
  holder: string;
}

export function acquireResidency(
  database: Database,
  residency: Residency,
  ceilings: ResidentCeilings,
): Promise<AcquireOutcome> {
  const { key, userId, holder } = residency;
  return database.exclusively("sessions", async (transaction: Transaction<Tables>) => {
    const { changing, held, shared } = await lookAt(database, transaction, residency);
    if (changing) return { outcome: "changing" };
    if (!held && !shared) {
      const ceiling = await fullCeiling(database, transaction, userId, ceilings);
      if (ceiling) return { outcome: "full", ceiling };
    }
    if (!held) {
      await transaction
        .insertInto("carrel_residencies")
        .values({ key, holder, user_id: userId })
        .execute();
    }
    await writeUsedWorkspace(database, transaction, key, userId);
    return { outcome: "acquired", shared };
  });
}

interface Situation {
  /** By another holder. */
  changing: boolean;
  /** By this holder. */
  held: boolean;
  /** By another holder. */
  shared: boolean;
}

/** How it stands with a key, among those who live. @throws `unavailable` where the holder does not */
async function lookAt(
  database: Database,
  transaction: Transaction<Tables>,
  { key, holder }: Pick<Residency, "key" | "holder">,
): Promise<Situation> {
  const residencies = livingResidencies(database, transaction)
    .select("carrel_residencies.key")
    .where("carrel_residencies.key", "=", key);
  const changes = livingChanges(database, transaction)
    .select("carrel_changes.key")
    .where("carrel_changes.key", "=", key);
  const seen = await transaction
    .selectNoFrom((expression) => [
      expression.exists(livingHolder(database, transaction, holder)).as("lives"),
      expression.exists(changes.where("carrel_changes.holder", "!=", holder)).as("changing"),
      expression.exists(residencies.where("carrel_residencies.holder", "=", holder)).as("held"),
      expression.exists(residencies.where("carrel_residencies.holder", "!=", holder)).as("shared"),
    ])
    .executeTakeFirstOrThrow();
  if (!seen.lives) throw deadHolder(holder);
  return {
    changing: Boolean(seen.changing),
    held: Boolean(seen.held),
    shared: Boolean(seen.shared),
  };
}

async function fullCeiling(
  database: Database,
  transaction: Transaction<Tables>,
  userId: string | null,
  { maxResidentSandboxes, maxResidentSandboxesPerUser }: ResidentCeilings,
): Promise<keyof ResidentCeilings | null> {
  const count = async (ofUser?: string | null): Promise<number> => {
    const { keys } = await livingResidencies(database, transaction)
      .select(({ fn }) => fn.count<number>("carrel_residencies.key").distinct().as("keys"))
      .$if(ofUser === null, (query) => query.where("carrel_residencies.user_id", "is", null))
      .$if(typeof ofUser === "string", (query) =>
        query.where("carrel_residencies.user_id", "=", ofUser as string),
      )
      .executeTakeFirstOrThrow();
    return keys;
  };
  if (maxResidentSandboxesPerUser !== Number.POSITIVE_INFINITY) {
    if ((await count(userId)) >= maxResidentSandboxesPerUser) return "maxResidentSandboxesPerUser";
  }
  if (maxResidentSandboxes === Number.POSITIVE_INFINITY) return null;
  return (await count()) >= maxResidentSandboxes ? "maxResidentSandboxes" : null;
}

export function beginChange(database: Database, key: string, holder: string): Promise<boolean> {
  return database.exclusively("sessions", async (transaction: Transaction<Tables>) => {
    const { changing, shared } = await lookAt(database, transaction, { key, holder });
    if (changing || shared) return false;
    await transaction
      .insertInto("carrel_changes")
      .values({ key, holder })
      .onConflict((conflict) => conflict.column("key").doUpdateSet({ holder }))
      .execute();
    return true;
  });
}

export async function endChange(
  database: Database,
  change: { key: string; holder: string; keep: boolean; status: SandboxStatus | null },
): Promise<void> {
  const { key, holder, keep, status } = change;
  await database.exclusively("sessions", async (transaction: Transaction<Tables>) => {
    const isTheirs = sql<boolean>`key = ${key} and holder = ${holder}`;
    await transaction.deleteFrom("carrel_changes").where(isTheirs).execute();
    if (!keep) await transaction.deleteFrom("carrel_residencies").where(isTheirs).execute();
    if (status === null) return;
    await transaction
      .updateTable("carrel_workspaces")
      .set({ status })
      .where("key", "=", key)
      .execute();
  });
}

export async function releaseResidency(
  database: Database,
  key: string,
  holder: string,
): Promise<void> {
  await database.run((kysely: Kysely<Tables>) =>
    kysely
      .deleteFrom("carrel_residencies")
      .where("key", "=", key)
      .where("holder", "=", holder)
      .execute(),
  );
}
