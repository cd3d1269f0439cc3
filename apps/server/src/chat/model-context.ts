import { AIMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { textOf } from "./message-text.ts";
import { pairCalls } from "./pair-calls.ts";
import { readTurnRecord } from "./turn-record.ts";
import { splitTurns } from "./wire-messages.ts";

/** How much of a conversation the model is sent, in characters: about 100,000 tokens. */
const MAX_MODEL_CHARACTERS = 400_000;

// The newest results are what the model works with now.
const KEPT_RESULTS = 4;
const LEFT_OUT =
  "[This result is left out here, because the conversation grew long. Call the tool again if you need it.]";

/**
 * The part of a conversation that a model is sent: the latest turns that fit, whole. Where the
 * turn that runs does not fit by itself, its older results are left out. What is kept for the
 * user stays as it is.
 */
export function fitModelContext(
  messages: readonly BaseMessage[],
  maxCharacters: number = MAX_MODEL_CHARACTERS,
): BaseMessage[] {
  const turns = splitTurns(messages).map((turn) => pairCalls(turn.messages.flatMap(forModel)));
  const current = withoutOldResults(turns.pop() ?? [], maxCharacters);
  let left = maxCharacters - lengthOf(current);
  const kept: BaseMessage[][] = [];
  for (const turn of turns.toReversed()) {
    left -= lengthOf(turn);
    if (left < 0) break;
    kept.unshift(turn);
  }
  return [...kept.flat(), ...current];
}

// How a turn ended is told in words: a provider has no field for it, and refuses an empty answer.
function forModel(message: BaseMessage): BaseMessage[] {
  if (!AIMessage.isInstance(message)) return [message];
  const record = readTurnRecord(message);
  if (record === null) {
    return textOf(message) === "" && (message.tool_calls ?? []).length === 0 ? [] : [message];
  }
  const note =
    record.outcome === "cancelled"
      ? "[The user stopped this turn here.]"
      : "[This turn failed here, for a reason outside of the conversation.]";
  return [new AIMessage(`${textOf(message)}\n${note}`.trimStart())];
}

function withoutOldResults(turn: readonly BaseMessage[], maxCharacters: number): BaseMessage[] {
  let excess = lengthOf(turn) - maxCharacters;
  const results = turn.filter((message) => ToolMessage.isInstance(message));
  const old = new Set<BaseMessage>(results.slice(0, -KEPT_RESULTS));
  return turn.map((message) => {
    if (excess <= 0 || !ToolMessage.isInstance(message) || !old.has(message)) return message;
    excess -= textOf(message).length - LEFT_OUT.length;
    return new ToolMessage({
      tool_call_id: message.tool_call_id,
      status: "success",
      content: LEFT_OUT,
    });
  });
}

// Each step asks again, of messages that nobody changes.
const lengths = new WeakMap<BaseMessage, number>();

function lengthOf(messages: readonly BaseMessage[]): number {
  let sum = 0;
  for (const message of messages) {
    let length = lengths.get(message);
    if (length === undefined) {
      length = textOf(message).length;
      if (AIMessage.isInstance(message)) length += JSON.stringify(message.tool_calls ?? []).length;
      lengths.set(message, length);
    }
    sum += length;
  }
  return sum;
}
