import { z } from "@hono/zod-openapi";
import { toolStatusSchema, turnOutcomeSchema } from "./chat.ts";
import { errorDetailSchema } from "./error.ts";
import { toolDetailSchema } from "./tool-detail.ts";

const messagePartSchema = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("text"), text: z.string() }),
    z.object({
      type: z.literal("tool"),
      id: z.string(),
      name: z.string(),
      args: z.record(z.string(), z.unknown()),
      status: toolStatusSchema,
      content: z.string(),
      detail: toolDetailSchema.nullable(),
    }),
  ])
  .openapi("MessagePart");

const messageSchema = z
  .discriminatedUnion("role", [
    z.object({ role: z.literal("user"), turn_id: z.string(), text: z.string() }),
    z.object({
      role: z.literal("assistant"),
      turn_id: z.string(),
      outcome: turnOutcomeSchema,
      error: errorDetailSchema.nullable(),
      parts: z.array(messagePartSchema),
    }),
  ])
  .openapi("Message");

export const messageListSchema = z
  .object({
    messages: z.array(messageSchema),
    running: z.boolean().meta({ description: "A turn runs that is not among the messages." }),
  })
  .openapi("MessageList");

export type WireMessagePart = z.infer<typeof messagePartSchema>;
export type WireMessage = z.infer<typeof messageSchema>;
export type WireMessageList = z.infer<typeof messageListSchema>;
