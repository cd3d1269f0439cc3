import { AIMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { randomUUID } from "node:crypto";

const ANSWER_ID_PREFIX = "answer-";
const MALFORMED_FIELD = "carrel_malformed_calls";

/**
 * A model's answer as it goes into the history. Servers that speak a provider's interface differ
 * in what they take care of, so here: the message has an id that no other has (the history would
 * replace the other), so has every call of a tool, and a call whose arguments were cut or are no
 * JSON becomes one that {@link isMalformedCall} knows, so that the model is told.
 */
export function plainAnswer(answer: AIMessage): AIMessage {
  const complete = (answer.tool_calls ?? []).map((call) => ({ ...call, id: call.id ?? "" }));
  const invalid = (answer.invalid_tool_calls ?? []).map(({ name = "", id = "" }) => ({
    name,
    id,
    args: {},
  }));
  const calls = withOwnIds([...complete, ...invalid]);
  const malformed = calls.slice(
    wasCut(answer) ? Math.max(0, complete.length - 1) : complete.length,
  );
  const { tool_calls: _provider, ...additional } = answer.additional_kwargs;
  return new AIMessage({
    id: ANSWER_ID_PREFIX + randomUUID(),
    content: answer.content,
    tool_calls: calls,
    additional_kwargs: additional,
    response_metadata: {
      ...answer.response_metadata,
      ...(malformed.length > 0 && { [MALFORMED_FIELD]: malformed.map(({ id }) => id) }),
    },
    ...(answer.usage_metadata !== undefined && { usage_metadata: answer.usage_metadata }),
  });
}

/** Whether this is a {@link plainAnswer}, whose text was streamed before under another id. */
export function isPlainAnswer(message: { id?: string | undefined }): boolean {
  return message.id?.startsWith(ANSWER_ID_PREFIX) ?? false;
}

export function isMalformedCall(answer: AIMessage, callId: string | undefined): boolean {
  const malformed: unknown = answer.response_metadata[MALFORMED_FIELD];
  return Array.isArray(malformed) && malformed.includes(callId);
}

function withOwnIds(calls: readonly ToolCall[]): (ToolCall & { id: string })[] {
  const seen = new Set<string>();
  return calls.map((call) => {
    const given = call.id ?? "";
    const id = given === "" || seen.has(given) ? `call_${randomUUID()}` : given;
    seen.add(id);
    return { ...call, id, type: "tool_call" };
  });
}

// The model reached its bound of output: what it said last is not whole, even where it looks so.
function wasCut({ response_metadata: metadata }: AIMessage): boolean {
  return metadata["finish_reason"] === "length" || metadata["status"] === "incomplete";
}
