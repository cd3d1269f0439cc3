import type { Database } from "@carrel/session-store";
import type { Kysely, Transaction } from "kysely";
import type { Migration } from "kysely/migration";
import { setImmediate as nextTurn } from "node:timers/promises";

interface Tables {
  /** Conversations that an earlier version wrote, until their next change. */
  carrel_conversations: {
    session_id: string;
    /** The text that `writeConversation` makes. */
    content: string;
  };
  carrel_messages: {
    session_id: string;
    /** Messages are in the order of their positions, which need not follow each other. */
    position: number;
    /** As `writeMessage` writes it. */
    content: string;
  };
}

/** Most rows that one statement reads, adds or deletes: SQLite works in the event loop. */
const MAX_ROWS_PER_STATEMENT = 16;

/** About how many characters one statement adds. */
const MAX_CHARACTERS_PER_STATEMENT = 256 * 1024;

/** The largest number that the column of positions holds. */
const MAX_POSITION = 2 ** 31 - 1;

/** A message as it is stored. */
export interface StoredMessage {
  position: number;
  content: string;
}

/** A conversation as it is stored: a text of an earlier version, or messages in their order. */
export type StoredConversation =
  | { text: string; messages: null }
  | { text: null; messages: readonly StoredMessage[] };

/** Positions from the first to the last of them. */
export type PositionRange = readonly [first: number, last: number];

/** What became of a conversation since it was stored last. */
export interface ConversationChange {
  /** Messages that are gone. `"all"` replaces whatever is stored. */
  removed: "all" | readonly PositionRange[];
  added: readonly StoredMessage[];
}

/** Where conversations are written down, beside the sessions that they belong to. */
export interface ConversationStore {
  /** @throws SandboxError, as do the others: the database cannot be reached, or is full */
  load(sessionId: string): Promise<StoredConversation | null>;
  /**
   * Costs what is new. If nothing is removed, and it fails or the server is killed, the first of the
   * added messages may be there; otherwise all of the change is there or nothing.
   */
  change(sessionId: string, change: ConversationChange): Promise<void>;
  delete(sessionId: string): Promise<void>;
  /** Delete those whose session ended while no server was there to see it. */
  deleteOrphans(): Promise<void>;
}

/** Needs the tables of the session store in the same database. */
export async function openConversationStore(database: Database): Promise<ConversationStore> {
  await database.migrate("conversations", migrations(database));
  const run = <Result>(work: (kysely: Kysely<Tables>) => Promise<Result>): Promise<Result> =>
    database.run(work);
  const inTransaction = (work: (transaction: Transaction<Tables>) => Promise<void>) =>
    run((kysely) => kysely.transaction().execute(work));
  return {
    load: (sessionId) => run((kysely) => load(kysely, sessionId)),
    async change(sessionId, { removed, added }) {
      if (removed.length === 0) {
        for (const batch of batchesOf(added)) await run((kysely) => add(kysely, sessionId, batch));
        return;
      }
      await inTransaction(async (transaction) => {
        if (removed === "all") await deleteAll(transaction, sessionId);
        else for (const range of removed) await deleteRange(transaction, sessionId, range);
        for (const batch of batchesOf(added)) {
          await add(transaction, sessionId, batch);
          await nextTurn();
        }
      });
    },
    delete: (sessionId) => inTransaction((transaction) => deleteAll(transaction, sessionId)),
    async deleteOrphans() {
      for (const table of ["carrel_conversations", "carrel_messages"] as const) {
        await database.run((kysely: Kysely<Tables & { carrel_sessions: { id: string } }>) =>
          kysely
            .deleteFrom(table)
            .where("session_id", "not in", (query) =>
              query.selectFrom("carrel_sessions").select("id"),
            )
            .execute(),
        );
      }
    },
  };
}

async function load(kysely: Kysely<Tables>, sessionId: string): Promise<StoredConversation | null> {
  const messages: StoredMessage[] = [];
  for (let isMore = true; isMore; await nextTurn()) {
    const page = await kysely
      .selectFrom("carrel_messages")
      .select(["position", "content"])
      .where("session_id", "=", sessionId)
      .where("position", ">", messages.at(-1)?.position ?? -1)
      .orderBy("position")
      .limit(MAX_ROWS_PER_STATEMENT)
      .execute();
    messages.push(...page);
    isMore = page.length === MAX_ROWS_PER_STATEMENT;
  }
  if (messages.length > 0) return { text: null, messages };
  const row = await kysely
    .selectFrom("carrel_conversations")
    .select("content")
    .where("session_id", "=", sessionId)
    .executeTakeFirst();
  return row === undefined ? null : { text: row.content, messages: null };
}

async function add(
  kysely: Kysely<Tables>,
  sessionId: string,
  messages: readonly StoredMessage[],
): Promise<void> {
  const rows = messages.map(({ position, content }) => ({
    session_id: sessionId,
    position,
    content,
  }));
  await kysely.insertInto("carrel_messages").values(rows).execute();
}

async function deleteRange(
  kysely: Kysely<Tables>,
  sessionId: string,
  [first, last]: PositionRange,
): Promise<void> {
  const positions = await kysely
    .selectFrom("carrel_messages")
    .select("position")
    .where("session_id", "=", sessionId)
    .where("position", ">=", first)
    .where("position", "<=", last)
    .orderBy("position")
    .execute();
  for (let start = 0; start < positions.length; start += MAX_ROWS_PER_STATEMENT) {
    const some = positions.slice(start, start + MAX_ROWS_PER_STATEMENT);
    await kysely
      .deleteFrom("carrel_messages")
      .where("session_id", "=", sessionId)
      .where("position", ">=", some[0]?.position ?? first)
      .where("position", "<=", some.at(-1)?.position ?? last)
      .execute();
    await nextTurn();
  }
}

async function deleteAll(kysely: Kysely<Tables>, sessionId: string): Promise<void> {
  await kysely.deleteFrom("carrel_conversations").where("session_id", "=", sessionId).execute();
  await deleteRange(kysely, sessionId, [0, MAX_POSITION]);
}

function* batchesOf(messages: readonly StoredMessage[]): Generator<StoredMessage[]> {
  let batch: StoredMessage[] = [];
  let characters = 0;
  for (const message of messages) {
    batch.push(message);
    characters += message.content.length;
    if (batch.length < MAX_ROWS_PER_STATEMENT && characters < MAX_CHARACTERS_PER_STATEMENT)
      continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
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
    "2-messages": {
      async up(kysely) {
        await kysely.schema
          .createTable("carrel_messages")
          .addColumn("session_id", textType, (column) => column.notNull())
          .addColumn("position", "integer", (column) => column.notNull())
          .addColumn("content", "text", (column) => column.notNull())
          .addPrimaryKeyConstraint("carrel_messages_key", ["session_id", "position"])
          .execute();
      },
    },
  };
}
