import { AIMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { randomUUID } from "node:crypto";

const LOST_RESULT = "[The result of this call is lost. Call the tool again if you need it.]";

/**
 * Returns a turn in which each call of a tool is followed by its one result, in the order of the
 * calls: providers refuse all else. A history that was kept whole stays as it is; if a part
 * of it could not be read, a result without its call is left out, and a call without its result gets
 * a note for one.
 */
export function pairCalls(turn: readonly BaseMessage[]): BaseMessage[] {
  const results = new Map<string, ToolMessage>();
  for (const message of turn) {
    if (ToolMessage.isInstance(message) && !results.has(message.tool_call_id)) {
      results.set(message.tool_call_id, message);
    }
  }
  const seen = new Set<string>();
  return turn.flatMap((message): BaseMessage[] => {
    if (ToolMessage.isInstance(message)) return [];
    if (!AIMessage.isInstance(message)) return [message];
    const calls = (message.tool_calls ?? []).map(({ id = "", name }) => ({ id, name }));
    // A second answer with a call of the same id can have no result of its own.
    if (calls.some(({ id }) => id === "" || seen.has(id))) return [withoutCalls(message)];
    for (const { id } of calls) seen.add(id);
    return [message, ...calls.map((call) => results.get(call.id) ?? lostResult(call))];
  });
}

function withoutCalls(message: AIMessage): AIMessage {
  const { id, content, response_metadata } = message;
  return new AIMessage({ ...(id !== undefined && { id }), content, response_metadata });
}

function lostResult({ id, name }: { id: string; name: string }): ToolMessage {
  return new ToolMessage({
    id: randomUUID(),
    tool_call_id: id,
    name,
    status: "error",
    content: LOST_RESULT,
  });
}
