import { AIMessage, HumanMessage, RemoveMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { legacyRecords } from "./legacy-conversation.ts";
import { UNREADABLE_MESSAGE, messageRecord, readMessageRecord } from "./message-record.ts";
import type { ReadMessage } from "./message-record.ts";

/** The first line of a conversation, by which it is told from what earlier versions wrote. */
const FORMAT = "carrel-conversation/2";

/** What a conversation was read as. */
export interface ReadConversation {
  messages: BaseMessage[];
  /** How many messages were lost, or a part of them. */
  damaged: number;
}

/**
 * Writes a conversation as text: a line for each message, so that damage costs the lines that it
 * touches. JSON has no line break in it.
 */
export function writeConversation(messages: readonly BaseMessage[]): string {
  return [FORMAT, ...messages.map((message) => JSON.stringify(messageRecord(message)))].join("\n");
}

/** Reads what {@link writeConversation} wrote, or an earlier version; never throws, whatever it is. */
export function readConversation(content: string): ReadConversation {
  const records = legacyRecords(content) ?? linesOf(content).map(parsed);
  const read = records.map((record, index) => readMessageRecord(record, `unreadable-${index}`));
  const seen = new Set<string>();
  const messages: BaseMessage[] = [];
  for (const [index, one] of read.entries()) {
    const message = startsTurn(one, messages) ? asQuestion(one.message) : one.message;
    if (RemoveMessage.isInstance(message)) continue;
    // The history replaces one of two messages that have the same id.
    if (message.id === undefined || seen.has(message.id)) message.id = `message-${index}`;
    seen.add(message.id);
    messages.push(message);
  }
  return {
    messages: messages.length > 0 ? messages : placeholder(content),
    damaged: messages.length > 0 ? read.filter(({ isDamaged }) => isDamaged).length : 1,
  };
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
function placeholder(content: string): BaseMessage[] {
  if (content === FORMAT) return [];
  return [
    new HumanMessage({ id: "unreadable-question", content: UNREADABLE_MESSAGE }),
    new AIMessage({ id: "unreadable-answer", content: UNREADABLE_MESSAGE }),
  ];
}
