import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { randomUUID } from "node:crypto";

const ANSWER_ID_PREFIX = "answer-";
const REFUSED_FIELD = "carrel_refused_calls";

/** Most calls of tools that are done of one answer. */
export const MAX_CALLS_PER_ANSWER: number = 32;

// A conversation that holds deeper values cannot be loaded again: LangChain stops at 50 levels,
// of which the messages around a call's arguments take some.
const MAX_DEPTH = 20;

/** Why a call is not done: its arguments, or that it is one too many. */
export type CallRefusal = "cut" | "nested" | "surplus";

/**
 * A model's answer as it goes into the history. Servers that speak a provider's interface differ
 * in what they take care of, so here: the message has an id that no other has (the history would
 * replace the other), so has every call of a tool, and a call that cannot be done (its arguments
 * were cut, are no JSON or nested too deeply, or it is one of too many) becomes one that
 * {@link callRefusal} knows, so that the model is told.
 */
export function plainAnswer(answer: AIMessage, usedCallIds: Iterable<string> = []): AIMessage {
  const received = receivedCalls(answer);
  const calls = withOwnIds(
    received.map(({ call }) => call),
    usedCallIds,
  );
  const refused = calls.flatMap(({ id }, index) => {
    const why = index >= MAX_CALLS_PER_ANSWER ? "surplus" : received[index]?.refusal;
    return why === undefined ? [] : [{ id, why }];
  });
  const { tool_calls: _provider, ...additional } = answer.additional_kwargs;
  return new AIMessage({
    id: ANSWER_ID_PREFIX + randomUUID(),
    content: shallowContent(answer.content),
    tool_calls: calls,
    additional_kwargs: additional,
    response_metadata: {
      ...answer.response_metadata,
      ...(refused.length > 0 && { [REFUSED_FIELD]: refused }),
    },
    ...(answer.usage_metadata !== undefined && { usage_metadata: answer.usage_metadata }),
  });
}

/** Whether this is a {@link plainAnswer}, whose text was streamed before under another id. */
export function isPlainAnswer(message: { id?: string | undefined }): boolean {
  return message.id?.startsWith(ANSWER_ID_PREFIX) ?? false;
}

/** Why this call of a {@link plainAnswer} is not done, or `null`. */
export function callRefusal(answer: AIMessage, callId: string | undefined): CallRefusal | null {
  const refused = answer.response_metadata[REFUSED_FIELD] as
    | { id: string; why: CallRefusal }[]
    | undefined;
  return refused?.find(({ id }) => id === callId)?.why ?? null;
}

interface ReceivedCall {
  call: ToolCall;
  refusal: CallRefusal | undefined;
}

function receivedCalls(answer: AIMessage): ReceivedCall[] {
  const { tool_calls: parsed = [], invalid_tool_calls: invalid = [] } = answer;
  const cutArguments = incompleteArguments(answer);
  return [
    ...parsed.map((call, index): ReceivedCall => {
      if (isTooDeep(call.args)) return { call: { ...call, args: {} }, refusal: "nested" };
      const isCut = cutArguments.has(call.id) || (wasCut(answer) && index === parsed.length - 1);
      return { call, refusal: isCut ? "cut" : undefined };
    }),
    ...invalid.map(({ name = "", id }): ReceivedCall => ({
      call: { name, args: {}, ...(id !== undefined && { id }) },
      refusal: "cut",
    })),
  ];
}

// Some providers repeat a call among the pieces of the content, with its arguments.
function shallowContent(content: AIMessage["content"]): AIMessage["content"] {
  return typeof content === "string" ? content : content.filter((piece) => !isTooDeep(piece));
}

// Level by level and not by recursion, which the depth in question would overflow; a value that
// contains itself has no end and so is too deep.
function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((item): unknown[] =>
      typeof item === "object" && item !== null ? Object.values(item) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
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

function withOwnIds(
  calls: readonly ToolCall[],
  usedIds: Iterable<string>,
): (ToolCall & { id: string })[] {
  const seen = new Set(usedIds);
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
