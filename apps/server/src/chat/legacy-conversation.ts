import { z } from "zod";
import { isPlainObject } from "./plain-data.ts";

/** By namespace: the id of the checkpoint, the checkpoint and its metadata as JSON, its parent. */
const contentSchema = z.record(
  z.string(),
  z.tuple([z.string(), z.string(), z.string(), z.string().nullable()]),
);

const checkpointSchema = z.object({
  channel_values: z.object({ messages: z.array(z.unknown()).default([]) }),
});

const messageSchema = z.object({
  lc: z.literal(1),
  type: z.literal("constructor"),
  id: z.array(z.string()).min(1),
  kwargs: z.custom<Record<string, unknown>>(isPlainObject),
});

/** The classes of messages that a conversation could have, by the names that stand in its text. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ["HumanMessage", "human"],
  ["HumanMessageChunk", "human"],
  ["AIMessage", "ai"],
  ["AIMessageChunk", "ai"],
  ["ToolMessage", "tool"],
  ["ToolMessageChunk", "tool"],
  ["SystemMessage", "system"],
]);

/**
 * Reads the messages of a conversation that version 0.1 wrote: a checkpoint of LangGraph. Its names
 * of classes choose a kind of message and nothing else.
 *
 * @returns `null` if it is no such conversation
 */
export function legacyRecords(content: string): unknown[] | null {
  if (!content.startsWith("{")) return null;
  const namespaces = contentSchema.safeParse(parsed(content)).data;
  const [, checkpoint] = namespaces?.[""] ?? [];
  if (checkpoint === undefined) return null;
  const { data } = checkpointSchema.safeParse(parsed(checkpoint));
  return data === undefined ? [undefined] : data.channel_values.messages.map(recordOf);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function recordOf(message: unknown): unknown {
  const { data } = messageSchema.safeParse(message);
  const kind = KINDS.get(data?.id.at(-1) ?? "");
  if (data === undefined || kind === undefined) return undefined;
  const kwargs = unescaped(data.kwargs);
  return isPlainObject(kwargs) ? { ...kwargs, kind } : undefined;
}

// LangChain wraps data that could be taken for a record of its own, and writes a record for what is
// undefined. Wrapped data is data, whatever is in it.
function unescaped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unescaped);
  if (!isPlainObject(value)) return value;
  if (value["lc"] === 2 && value["type"] === "undefined") return undefined;
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length === 1 && only?.[0] === "__lc_escaped__") return only[1];
  return Object.fromEntries(entries.map(([name, item]) => [name, unescaped(item)]));
}
