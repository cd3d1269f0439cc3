import { LoopShare } from "@carrel/backend-protocol";
import { AIMessage, HumanMessage, RemoveMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import type { StoredConversation } from "./conversation-store.ts";
import { legacyRecords } from "./legacy-conversation.ts";
import { noteCost } from "./message-cost.ts";
import { UNREADABLE_MESSAGE, messageRecord, readMessageRecord } from "./message-record.ts";
import type { MessageRecord, ReadMessage } from "./message-record.ts";
import { isPlainObject } from "./plain-data.ts";

/** The first line of a conversation, by which it is told from what earlier versions wrote. */
const FORMAT = "carrel-conversation/2";

/** What a conversation was read as. */
export interface ReadConversation {
  messages: BaseMessage[];
  /** How many messages were lost, or a part of them. */
  damaged: number;
  /** Each record is a message, as it was written: nothing is lost, left out, added or changed. */
  isExact: boolean;
}

/** Writes a message as a line of text, and notes what it costs. JSON has no line break in it. */
export function writeMessage(message: BaseMessage): string {
  const record = messageRecord(message);
  const line = JSON.stringify(record);
  noteCost(message, record, line);
  return line;
}

/**
 * Writes a conversation as one text, as earlier versions stored it: a line for each message, so
 * that damage costs the lines that it touches.
 */
export function writeConversation(messages: readonly BaseMessage[]): string {
  return [FORMAT, ...messages.map(writeMessage)].join("\n");
}

/** Reads what {@link writeConversation} wrote, or an earlier version; never throws, whatever it is. */
export function readConversation(content: string): ReadConversation {
  const reader = new ConversationReader();
  for (const record of recordsOf({ text: content, messages: null })) reader.add(record);
  return { ...reader.end(content === FORMAT), isExact: false };
}

/** Reads a conversation as it is stored, in stretches of the event loop's time; never throws. */
export async function readStored(stored: StoredConversation): Promise<ReadConversation> {
  const share = new LoopShare();
  const reader = new ConversationReader();
  for (const record of recordsOf(stored)) {
    const turn = share.turn();
    if (turn) await turn;
    const startMs = performance.now();
    reader.add(record);
    share.charge(performance.now() - startMs);
  }
  const read = reader.end(stored.text === FORMAT);
  return { ...read, isExact: read.isExact && stored.messages !== null };
}

/** A line, or a record that an earlier version wrote in another way. */
type StoredRecord = { line: string } | { record: unknown };

function recordsOf({ text, messages }: StoredConversation): StoredRecord[] {
  if (messages !== null) return messages.map(({ content }) => ({ line: content }));
  return (
    legacyRecords(text)?.map((record) => ({ record })) ?? linesOf(text).map((line) => ({ line }))
  );
}

/** Makes a history of records that may be damaged, one after the other. */
class ConversationReader {
  readonly #messages: BaseMessage[] = [];
  readonly #seen = new Set<string>();
  #records = 0;
  #damaged = 0;
  #isExact = true;

  add(stored: StoredRecord): void {
    const index = this.#records++;
    const record = "line" in stored ? parsed(stored.line) : stored.record;
    const one = readMessageRecord(record, `unreadable-${index}`);
    const isStart = startsTurn(one, this.#messages);
    const message = isStart ? asQuestion(one.message) : one.message;
    if (one.isDamaged) this.#damaged += 1;
    if (one.isDamaged || isStart) this.#isExact = false;
    if (RemoveMessage.isInstance(message)) {
      this.#isExact = false;
      return;
    }
    // The history replaces one of two messages that have the same id.
    if (message.id === undefined || this.#seen.has(message.id)) {
      message.id = `message-${index}`;
      this.#isExact = false;
    }
    this.#seen.add(message.id);
    if ("line" in stored && isPlainObject(record)) {
      noteCost(message, record as MessageRecord, stored.line);
    }
    this.#messages.push(message);
  }

  end(isEmpty: boolean): ReadConversation {
    if (this.#messages.length > 0 || isEmpty) {
      return { messages: this.#messages, damaged: this.#damaged, isExact: this.#isExact };
    }
    return { messages: placeholder(), damaged: 1, isExact: false };
  }
}

function linesOf(content: string): string[] {
  const lines = content.split("\n").filter((line) => line !== "");
  return lines[0] === FORMAT ? lines.slice(1) : lines;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // an unreadable message takes its place
  }
}

// Turns begin with what the user said: if that is lost, a note has to begin the turn.
function startsTurn({ message, isDamaged }: ReadMessage, before: readonly BaseMessage[]): boolean {
  if (HumanMessage.isInstance(message)) return false;
  const last = before.at(-1);
  if (last === undefined) return true;
  const isEndOfTurn = AIMessage.isInstance(last) && (last.tool_calls ?? []).length === 0;
  return isDamaged && isEndOfTurn && message.text.includes(UNREADABLE_MESSAGE);
}

function asQuestion({ id }: BaseMessage): HumanMessage {
  return new HumanMessage({ ...(id !== undefined && { id }), content: UNREADABLE_MESSAGE });
}

// A conversation that never spoke has no row: this one was there, and nothing of it is left.
function placeholder(): BaseMessage[] {
  return [
    new HumanMessage({ id: "unreadable-question", content: UNREADABLE_MESSAGE }),
    new AIMessage({ id: "unreadable-answer", content: UNREADABLE_MESSAGE }),
  ];
}
