import type { Database } from "@carrel/session-store";
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

interface Tables {
  carrel_conversations: {
    session_id: string;
    /** The text that `writeConversation` makes. */
    content: string;
  };
}

/** Where conversations are written down, beside the sessions that they belong to. */
export interface ConversationStore {
  /** @throws SandboxError, as do the others: the database cannot be reached, or is full */
  load(sessionId: string): Promise<string | null>;
  save(sessionId: string, content: string): Promise<void>;
  delete(sessionId: string): Promise<void>;
  /** Delete those whose session ended while no server was there to see it. */
  deleteOrphans(): Promise<void>;
}

/** Needs the tables of the session store in the same database. */
export async function openConversationStore(database: Database): Promise<ConversationStore> {
  await database.migrate("conversations", migrations(database));
  const run = <Result>(work: (kysely: Kysely<Tables>) => Promise<Result>): Promise<Result> =>
    database.run(work);
  return {
    async load(sessionId) {
      const row = await run((kysely) =>
        kysely
          .selectFrom("carrel_conversations")
          .select("content")
          .where("session_id", "=", sessionId)
          .executeTakeFirst(),
      );
      return row?.content ?? null;
    },
    async save(sessionId, content) {
      await run((kysely) =>
        kysely
          .insertInto("carrel_conversations")
          .values({ session_id: sessionId, content })
          .onConflict((conflict) => conflict.column("session_id").doUpdateSet({ content }))
          .execute(),
      );
    },
    async delete(sessionId) {
      await run((kysely) =>
        kysely.deleteFrom("carrel_conversations").where("session_id", "=", sessionId).execute(),
      );
    },
    async deleteOrphans() {
      await database.run((kysely: Kysely<Tables & { carrel_sessions: { id: string } }>) =>
        kysely
          .deleteFrom("carrel_conversations")
          .where("session_id", "not in", (query) =>
            query.selectFrom("carrel_sessions").select("id"),
          )
          .execute(),
      );
    },
  };
}

function migrations({ textType }: Database): Record<string, Migration> {
  return {
    "1-conversations": {
      async up(kysely) {
        await kysely.schema
          .createTable("carrel_conversations")
          .addColumn("session_id", textType, (column) => column.primaryKey())
          .addColumn("content", "text", (column) => column.notNull())
          .execute();
      },
    },
  };
}
