import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { exceedsData, isPlainObject } from "./plain-data.ts";

const ANSWER_ID_PREFIX = "answer-";
const REFUSED_FIELD = "carrel_refused_calls";

/** Most calls of tools that are done of one answer. */
export const MAX_CALLS_PER_ANSWER: number = 32;

/** Most calls that are kept of one answer, each of which is answered: the rest is left out. */
const MAX_KEPT_CALLS = 1000;

/**
 * How deep, and of how many values, the data of an answer may be: the arguments of a call, a piece
 * of content, the metadata. Tools take flat arguments, and each value costs more memory than text.
 */
const DATA_BOUNDS = { maxDepth: 20, maxValues: 10_000 } as const;

/** Providers refuse a conversation with other names, or longer ones. */
const FOREIGN_NAME_CHARACTERS = /[^a-zA-Z0-9_-]/g;
const MAX_NAME_CHARACTERS = 64;
const MAX_ID_CHARACTERS = 128;

/** The graph leaves calls of tools with such names alone, as if they were its own. */
const GRAPHS_OWN_NAME = /^extract-/;

/** What the server itself notes in the metadata of an answer begins so; a provider has no say in it. */
const OWN_FIELD_PREFIX = "carrel_";

/** Why a call is not done: its arguments, or that it is one too many. */
export type CallRefusal = "cut" | "nested" | "reserved" | "surplus";

const refusedSchema = z.array(
  z.object({ id: z.string(), why: z.enum(["cut", "nested", "reserved", "surplus"]) }),
);

/**
 * A model's answer as it goes into the history. Servers that speak a provider's interface differ
 * in what they take care of, so here: the message has an id that no other has (the history would
 * replace the other), so has every call of a tool, and a call that cannot be done (its arguments
 * were cut, are no JSON object, nested too deeply or of a form that the graph would make objects of,
 * or it is one of too many) becomes one that {@link callRefusal} knows, so that the model is told.
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
  const { tool_calls: _provider, ...additional } = boundedData(answer.additional_kwargs);
  const { usage_metadata: usage } = answer;
  return new AIMessage({
    id: ANSWER_ID_PREFIX + randomUUID(),
    content: plainContent(answer.content),
    tool_calls: calls,
    additional_kwargs: additional,
    response_metadata: {
      ...providersFields(boundedData(answer.response_metadata)),
      ...(refused.length > 0 && { [REFUSED_FIELD]: refused }),
    },
    ...(usage !== undefined && !exceedsData(usage, DATA_BOUNDS) && { usage_metadata: usage }),
  });
}

/** Whether this is a {@link plainAnswer}, whose text was streamed before under another id. */
export function isPlainAnswer(message: { id?: string | undefined }): boolean {
  return message.id?.startsWith(ANSWER_ID_PREFIX) ?? false;
}

/** Why this call of a {@link plainAnswer} is not done, or `null`. */
export function callRefusal(answer: AIMessage, callId: string | undefined): CallRefusal | null {
  const refused = refusedSchema.safeParse(answer.response_metadata[REFUSED_FIELD]).data;
  return refused?.find(({ id }) => id === callId)?.why ?? null;
}

interface ReceivedCall {
  call: ToolCall;
  refusal: CallRefusal | undefined;
}

function receivedCalls(answer: AIMessage): ReceivedCall[] {
  const { tool_calls: parsed = [], invalid_tool_calls: invalid = [] } = answer;
  const cutArguments = incompleteArguments(answer);
  const all = [
    ...parsed.map((call, index): ReceivedCall => {
      const isCut = cutArguments.has(call.id) || (wasCut(answer) && index === parsed.length - 1);
      const unusable = refusalOf(call.args);
      if (unusable !== undefined) return { call: plainCall(call, {}), refusal: unusable };
      return { call: plainCall(call, call.args), refusal: isCut ? "cut" : undefined };
    }),
    ...invalid.map((call): ReceivedCall => ({ call: plainCall(call, {}), refusal: "cut" })),
  ];
  return all.slice(0, MAX_KEPT_CALLS);
}

/** Takes the fields that a call has, and no others that a provider sent along. */
function plainCall(
  { name, id }: { name?: unknown; id?: unknown },
  args: Record<string, unknown>,
): ToolCall {
  const plainName = typeof name === "string" ? name.replaceAll(FOREIGN_NAME_CHARACTERS, "_") : "";
  return {
    name: plainName.slice(0, MAX_NAME_CHARACTERS).replace(GRAPHS_OWN_NAME, "extract_") || "unnamed",
    args,
    ...(typeof id === "string" && id.length <= MAX_ID_CHARACTERS && { id }),
  };
}

function refusalOf(args: unknown): CallRefusal | undefined {
  if (!isPlainObject(args)) return "cut";
  if (exceedsData(args, DATA_BOUNDS)) return "nested";
  return isReserved(args) ? "reserved" : undefined;
}

// LangGraph makes instructions of its own of such objects on the way to a tool, wherever they are.
function isReserved(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(isReserved);
  const { lg_name: name, node, args } = value as Record<string, unknown>;
  if (name === "Command" || (typeof node === "string" && args !== undefined)) return true;
  return Object.values(value).some(isReserved);
}

// Some providers repeat a call among the pieces of the content, with its arguments.
function plainContent(content: AIMessage["content"]): AIMessage["content"] {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.filter(
    (piece: unknown) =>
      isPlainObject(piece) && typeof piece["type"] === "string" && !exceedsData(piece, DATA_BOUNDS),
  );
}

/** Returns data as it is, or none of it if it is no data or too much. */
function boundedData(value: unknown): Record<string, unknown> {
  if (!isPlainObject(value) || exceedsData(value, DATA_BOUNDS)) return {};
  return value;
}

function providersFields(metadata: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !name.startsWith(OWN_FIELD_PREFIX)),
  );
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
