import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import type { WireMessage, WireMessagePart } from "../wire/messages.ts";
import { textOf } from "./message-text.ts";
import { toolDetail } from "./tool-detail.ts";
import { readTurnRecord } from "./turn-record.ts";

/** One user message and all that followed it. */
export interface Turn {
  /** The id of the user's message. */
  id: string;
  messages: BaseMessage[];
}

export function splitTurns(messages: readonly BaseMessage[]): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    if (HumanMessage.isInstance(message)) turns.push({ id: message.id ?? "", messages: [message] });
    else turns.at(-1)?.messages.push(message);
  }
  return turns;
}

/** A conversation as the page shows it. */
export function wireMessages(turns: readonly Turn[]): WireMessage[] {
  return turns.flatMap(wireTurn);
}

function wireTurn({ id, messages }: Turn): WireMessage[] {
  const [user, ...answers] = messages;
  const record = answers.findLast(AIMessage.isInstance.bind(AIMessage));
  const ended = AIMessage.isInstance(record) ? readTurnRecord(record) : null;
  return [
    { role: "user", turn_id: id, text: user ? textOf(user) : "" },
    {
      role: "assistant",
      turn_id: id,
      outcome: ended?.outcome ?? "completed",
      error: ended?.error ?? null,
      parts: wireParts(answers),
    },
  ];
}

function wireParts(answers: readonly BaseMessage[]): WireMessagePart[] {
  const results = new Map(
    answers.flatMap((message) =>
      ToolMessage.isInstance(message) ? [[message.tool_call_id, message] as const] : [],
    ),
  );
  return answers.flatMap((message) => {
    if (!AIMessage.isInstance(message)) return [];
    const text = textOf(message);
    const parts: WireMessagePart[] = text === "" ? [] : [{ type: "text", text }];
    for (const { id = "", name, args } of message.tool_calls ?? []) {
      parts.push({ type: "tool", id, name, args, ...wireResult(results.get(id)) });
    }
    return parts;
  });
}

/** What became of a call. The caller sees to it that there always is an answer. */
export function wireResult(message: ToolMessage | undefined) {
  return {
    status: message?.status === "error" ? ("error" as const) : ("success" as const),
    content: message ? textOf(message) : "",
    detail: toolDetail(message?.artifact),
  };
}
