import {
  AIMessage,
  HumanMessage,
  RemoveMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import type { BaseMessage, MessageContent } from "@langchain/core/messages";
import type { InvalidToolCall, ToolCall } from "@langchain/core/messages/tool";
import { z } from "zod";
import { textOf } from "./message-text.ts";
import { isPlainObject, plainData } from "./plain-data.ts";
import type { PlainData } from "./plain-data.ts";

/** Stands where a message of a conversation could not be read. */
export const UNREADABLE_MESSAGE =
  "[A message, or a part of it, could not be read from the server's store and is left out here.]";

/**
 * A message as data. The kinds are a closed list, each field is data and no more, and nothing in it
 * names a class: whatever a model, a tool or a user wrote, it comes back as what it was.
 */
export type MessageRecord = Readonly<Record<string, PlainData>>;

/** A message that was read, and whether a part of it is lost. */
export interface ReadMessage {
  message: BaseMessage;
  isDamaged: boolean;
}

// The schemas must not copy data: to copy it name by name would lose a property named `__proto__`.
const data = z.custom<Record<string, unknown>>(isPlainObject);
const content = z.union([z.string(), z.array(z.custom<object>(isPart))]);
const toolCall = z.object({
  name: z.string(),
  args: data,
  id: z.string().optional(),
});
const invalidToolCall = z.object({
  name: z.string().optional(),
  args: z.string().optional(),
  id: z.string().optional(),
  error: z.string().optional(),
});
const common = {
  id: z.string().optional(),
  name: z.string().optional(),
  content,
  additional_kwargs: data.optional(),
  response_metadata: data.optional(),
};

const recordSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("human"), ...common }),
  z.object({ kind: z.literal("system"), ...common }),
  z.object({
    kind: z.literal("ai"),
    ...common,
    tool_calls: z.array(toolCall).optional(),
    invalid_tool_calls: z.array(invalidToolCall).optional(),
    usage_metadata: data.optional(),
  }),
  z.object({
    kind: z.literal("tool"),
    ...common,
    tool_call_id: z.string(),
    status: z.enum(["success", "error"]).optional(),
    artifact: z.unknown().optional(),
    metadata: data.optional(),
  }),
  z.object({ kind: z.literal("remove"), id: z.string() }),
]);

type ValidRecord = z.infer<typeof recordSchema>;

/** Returns a message as data; of a kind that is not known, its text. */
export function messageRecord(message: BaseMessage): MessageRecord {
  if (RemoveMessage.isInstance(message)) return { kind: "remove", id: message.id };
  const fields = {
    id: message.id,
    name: message.name,
    content: message.content,
    additional_kwargs: message.additional_kwargs,
    response_metadata: message.response_metadata,
  };
  if (AIMessage.isInstance(message)) {
    const { tool_calls, invalid_tool_calls, usage_metadata } = message;
    return record("ai", { ...fields, tool_calls, invalid_tool_calls, usage_metadata });
  }
  if (ToolMessage.isInstance(message)) {
    const { tool_call_id, status, metadata } = message;
    const artifact: unknown = message.artifact;
    return record("tool", { ...fields, tool_call_id, status, artifact, metadata });
  }
  if (HumanMessage.isInstance(message)) return record("human", fields);
  if (SystemMessage.isInstance(message)) return record("system", fields);
  return record("ai", { id: message.id, content: textOf(message) });
}

// Each field has a budget of its own, so that no field takes the place of those that matter more.
function record(kind: string, fields: Readonly<Record<string, unknown>>): MessageRecord {
  const entries = Object.entries(fields).flatMap(([name, value]) => {
    const copied = plainData(value);
    return copied === undefined ? [] : [[name, copied] as const];
  });
  return { kind, ...Object.fromEntries(entries) };
}

/**
 * Makes a message of what {@link messageRecord} gave. If it is no record, what can be read
 * of it stays, and {@link UNREADABLE_MESSAGE} stands for the rest.
 *
 * @param fallbackId the id of a message whose own cannot be read
 */
export function readMessageRecord(value: unknown, fallbackId: string): ReadMessage {
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return { message: messageOf(parsed.data), isDamaged: false };
  return { message: salvage(isPlainObject(value) ? value : {}, fallbackId), isDamaged: true };
}

function messageOf(valid: ValidRecord): BaseMessage {
  if (valid.kind === "remove") return new RemoveMessage({ id: valid.id });
  const fields = {
    ...(valid.id !== undefined && { id: valid.id }),
    ...(valid.name !== undefined && { name: valid.name }),
    content: valid.content as MessageContent,
    additional_kwargs: valid.additional_kwargs ?? {},
    response_metadata: valid.response_metadata ?? {},
  };
  switch (valid.kind) {
    case "human":
      return new HumanMessage(fields);
    case "system":
      return new SystemMessage(fields);
    case "ai":
      return withOwnFields(
        new AIMessage({
          ...fields,
          tool_calls: (valid.tool_calls ?? []).map(
            (call) => ({ ...call, type: "tool_call" }) as ToolCall,
          ),
          invalid_tool_calls: (valid.invalid_tool_calls ?? []).map(
            (call) => ({ ...call, type: "invalid_tool_call" }) as InvalidToolCall,
          ),
        }),
        valid,
      );
    case "tool":
      return new ToolMessage({
        ...fields,
        tool_call_id: valid.tool_call_id,
        ...(valid.status !== undefined && { status: valid.status }),
        ...(valid.artifact !== undefined && { artifact: valid.artifact }),
        ...(valid.metadata !== undefined && { metadata: valid.metadata }),
      });
  }
}

// The constructor rewrites the content of a message whose metadata names a certain version.
function withOwnFields(message: AIMessage, valid: Extract<ValidRecord, { kind: "ai" }>): AIMessage {
  message.content = valid.content as MessageContent;
  if (valid.usage_metadata === undefined) return message;
  return Object.assign(message, { usage_metadata: valid.usage_metadata });
}

function salvage(damaged: Record<string, unknown>, fallbackId: string): BaseMessage {
  const fields = {
    id: typeof damaged["id"] === "string" ? damaged["id"] : fallbackId,
    content:
      `${textOf({ content: damaged["content"] as MessageContent })}\n${UNREADABLE_MESSAGE}`.trimStart(),
  };
  switch (damaged["kind"]) {
    case "human":
      return new HumanMessage(fields);
    case "system":
      return new SystemMessage(fields);
    case "remove":
      return new RemoveMessage({ id: fields.id });
    case "tool": {
      const callId = damaged["tool_call_id"];
      if (typeof callId !== "string") return new AIMessage(fields);
      return new ToolMessage({ ...fields, tool_call_id: callId, status: "error" });
    }
    default: {
      const metadata = data.safeParse(damaged["response_metadata"]).data;
      return new AIMessage({
        ...fields,
        tool_calls: readableCalls(damaged["tool_calls"]),
        ...(metadata !== undefined && { response_metadata: withoutVersion(metadata) }),
      });
    }
  }
}

// The results of these calls may have been read, and are of no use without them.
function readableCalls(calls: unknown): ToolCall[] {
  if (!Array.isArray(calls)) return [];
  return calls.flatMap((call) => {
    const { data: readable } = toolCall.safeParse(call);
    return readable === undefined ? [] : [{ ...readable, type: "tool_call" } as ToolCall];
  });
}

function withoutVersion({
  output_version: _version,
  ...metadata
}: Record<string, unknown>): Record<string, unknown> {
  return metadata;
}

// A part without a kind makes LangChain's own readers of content throw.
function isPart(value: unknown): value is object {
  return isPlainObject(value) && typeof value["type"] === "string";
}
