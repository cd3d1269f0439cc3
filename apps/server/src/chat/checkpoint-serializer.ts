import { isBaseMessage } from "@langchain/core/messages";
import type { MemorySaver } from "@langchain/langgraph";
import { messageRecord, readMessageRecord } from "./message-record.ts";
import { LEFT_OUT_DATA } from "./plain-data.ts";

type Serializer = MemorySaver["serde"];

/** How deep the graph's own state may be nested around its messages. */
const MAX_STATE_DEPTH = 100;

// Every value that is more than a scalar or an array is in an object with exactly one of these
// names, so that no data can look like another kind of value, whatever it contains.
const OBJECT = "object";
const MESSAGE = "message";
const ERROR = "error";
const SET = "set";
const MAP = "map";
const NUMBER = "number";
const UNDEFINED = "undefined";

/**
 * Turns a graph's state into bytes and back. LangGraph's own serializer makes objects of every value
 * that looks like one of its records, and so of what a model or a file says; here the kinds are a
 * closed list, and all else is data.
 */
export const checkpointSerializer: Serializer = {
  async dumpsTyped(value: unknown): Promise<[string, Uint8Array]> {
    return ["json", Buffer.from(JSON.stringify(encode(value, 0)))];
  },
  async loadsTyped(_type: string, bytes: Uint8Array | string): Promise<unknown> {
    const text = typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("utf8");
    return decode(JSON.parse(text));
  },
};

type Encoded = null | boolean | number | string | Encoded[] | { [kind: string]: unknown };

function encode(value: unknown, depth: number): Encoded {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { [NUMBER]: textOfNumber(value) };
  }
  if (typeof value !== "object") {
    return typeof value === "bigint" ? String(value) : { [UNDEFINED]: true };
  }
  if (depth > MAX_STATE_DEPTH) return LEFT_OUT_DATA;
  const each = (item: unknown): Encoded => encode(item, depth + 1);
  if (Array.isArray(value)) return value.map(each);
  if (isBaseMessage(value)) return { [MESSAGE]: messageRecord(value) };
  if (value instanceof Error) return { [ERROR]: [value.name, value.message] };
  if (value instanceof Set) return { [SET]: Array.from(value, each) };
  if (value instanceof Map) {
    return { [MAP]: Array.from(value, ([key, item]) => [each(key), each(item)]) };
  }
  return {
    [OBJECT]: Object.fromEntries(Object.entries(value).map(([name, item]) => [name, each(item)])),
  };
}

function decode(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decode);
  const [entry] = Object.entries(value);
  if (entry === undefined) return undefined;
  const [kind, inner] = entry as [string, unknown];
  switch (kind) {
    case OBJECT:
      return Object.fromEntries(
        Object.entries(inner as object).map(([name, item]) => [name, decode(item)]),
      );
    case MESSAGE:
      return readMessageRecord(inner, "").message;
    case ERROR: {
      const [name, message] = inner as [string, string];
      return Object.assign(new Error(message), { name });
    }
    case SET:
      return new Set((inner as unknown[]).map(decode));
    case MAP:
      return new Map((inner as unknown[][]).map(([key, item]) => [decode(key), decode(item)]));
    case NUMBER:
      return Number(inner);
    default:
      return undefined;
  }
}

function textOfNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
