import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
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
  const received = receivedCalls(answer);
  const calls = withOwnIds(received.map(({ call }) => call));
  const malformed = calls.filter((_, index) => received[index]?.malformed);
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

interface ReceivedCall {
  call: ToolCall;
  malformed: boolean;
}

function receivedCalls(answer: AIMessage): ReceivedCall[] {
  const { tool_calls: parsed = [], invalid_tool_calls: invalid = [] } = answer;
  const cutArguments = incompleteArguments(answer);
  return [
    ...parsed.map((call, index) => ({
      call,
      malformed: cutArguments.has(call.id) || (wasCut(answer) && index === parsed.length - 1),
    })),
    ...invalid.map(({ name = "", id }) => ({
      call: { name, args: {}, ...(id !== undefined && { id }) },
      malformed: true,
    })),
  ];
}

// LangChain completes half a JSON text as well as it can, so that a file would be written in half.
function incompleteArguments(answer: AIMessage): Set<string | undefined> {
  const chunks = AIMessageChunk.isInstance(answer) ? (answer.tool_call_chunks ?? []) : [];
  return new Set(
    chunks.filter(({ args = "" }) => !isJson(args.trim() || "{}")).map(({ id }) => id),
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // that is the answer
  }
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
