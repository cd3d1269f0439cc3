import { NO_USER, ROOM_REQUEST_TTL_MS } from "@carrel/session-manager";
import type { RoomRequest } from "@carrel/session-manager";
import { sql } from "kysely";
import type { Kysely, RawBuilder, SelectQueryBuilder, Transaction } from "kysely";
import type { Database } from "../database/database.ts";
import {
  CLOCK_SLACK_MS,
  deadHolder,
  isLiving,
  livingHolder,
  livingResidencies,
} from "./holders.ts";
import type { Tables } from "./tables.ts";

type Queries = Kysely<Tables>;

export function requestRoom(
  database: Database,
  { key, ofUser, holder }: RoomRequest & { holder: string },
): Promise<boolean> {
  const { now } = database;
  return database.exclusively("sessions", async (transaction: Transaction<Tables>) => {
    const { lives, heard } = await transaction
      .selectNoFrom((expression) => [
        expression.exists(livingHolder(database, transaction, holder)).as("lives"),
        expression.exists(residenciesOfOthers(database, transaction, holder, ofUser)).as("heard"),
      ])
      .executeTakeFirstOrThrow();
    if (!lives) throw deadHolder(holder);
    if (!heard) return false;
    const request = { holder, of_user: ofUser, asked_at: now };
    await transaction
      .deleteFrom("carrel_room_requests")
      .where((expression) => expression.not(stands(database)))
      .execute();
    await transaction
      .insertInto("carrel_room_requests")
      .values({ key, taken_by: null, ...request })
      .onConflict((conflict) => conflict.column("key").doUpdateSet(request))
      .execute();
    return true;
  });
}

export function takeRoomRequest(database: Database, holder: string): Promise<RoomRequest | null> {
  return database.run(async (kysely: Queries) => {
    // Looked for before anything is locked: almost always there is none.
    for (;;) {
      const found = await requestsFor(database, kysely, holder).executeTakeFirst();
      if (!found) return null;
      const { key, of_user: ofUser } = found;
      const { numUpdatedRows } = await kysely
        .updateTable("carrel_room_requests")
        .set({ taken_by: holder })
        .where("key", "=", key)
        .where("taken_by", "is", null)
        .executeTakeFirstOrThrow();
      // Otherwise another one was faster, and there may be more.
      if (numUpdatedRows > 0n) return { key, ofUser };
    }
  });
}

export async function endRoomRequest(
  database: Database,
  key: string,
  { giveBack = false }: { giveBack?: boolean } = {},
): Promise<void> {
  await database.run(async (kysely: Queries) => {
    const isKeys = sql<boolean>`key = ${key}`;
    if (giveBack) {
      const update = kysely.updateTable("carrel_room_requests").set({ taken_by: null });
      await update.where(isKeys).execute();
    } else {
      await kysely.deleteFrom("carrel_room_requests").where(isKeys).execute();
    }
  });
}

/** What others ask for and this holder could do something about. */
function requestsFor(
  database: Database,
  kysely: Queries,
  holder: string,
): SelectQueryBuilder<Tables, "carrel_room_requests", { key: string; of_user: string | null }> {
  const held = livingResidencies(database, kysely)
    .select("carrel_residencies.key")
    .where(sql<boolean>`carrel_residencies.key = carrel_room_requests.key`);
  const own = livingResidencies(database, kysely)
    .select("carrel_residencies.key")
    .where("carrel_residencies.holder", "=", holder)
    .where(
      sql<boolean>`(carrel_room_requests.of_user is null
        or carrel_room_requests.of_user = coalesce(carrel_residencies.user_id, ${NO_USER}))`,
    );
  return (
    kysely
      .selectFrom("carrel_room_requests")
      .innerJoin("carrel_holders", "carrel_holders.id", "carrel_room_requests.holder")
      .select(["carrel_room_requests.key", "carrel_room_requests.of_user"])
      .where("carrel_room_requests.holder", "!=", holder)
      .where("carrel_room_requests.taken_by", "is", null)
      .where(isLiving(database))
      .where(stands(database))
      .where((expression) => expression.not(expression.exists(held)))
      .where((expression) => expression.exists(own))
      // Of one user's own room there may be many, and they help nobody else.
      .orderBy(sql`case when carrel_room_requests.of_user is null then 0 else 1 end`)
      .orderBy("carrel_room_requests.asked_at")
      .limit(1)
  );
}

function residenciesOfOthers(
  database: Database,
  kysely: Queries,
  holder: string,
  ofUser: string | null,
): SelectQueryBuilder<Tables, "carrel_residencies", { key: string }> {
  return livingResidencies(database, kysely)
    .select("carrel_residencies.key")
    .where("carrel_residencies.holder", "!=", holder)
    .$if(ofUser === NO_USER, (query) => query.where("carrel_residencies.user_id", "is", null))
    .$if(ofUser !== null && ofUser !== NO_USER, (query) =>
      query.where("carrel_residencies.user_id", "=", ofUser as string),
    );
}

/** One from the future was asked before the clock was set back, nobody knows how long ago. */
function stands({ now }: Database): RawBuilder<boolean> {
  const [ttl, slack] = [sql.lit(ROOM_REQUEST_TTL_MS), sql.lit(CLOCK_SLACK_MS)];
  const askedAt = sql.ref<number>("carrel_room_requests.asked_at");
  return sql<boolean>`(${askedAt} > ${now} - ${ttl} and ${askedAt} < ${now} + ${slack})`;
}
