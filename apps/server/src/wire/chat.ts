import { z } from "@hono/zod-openapi";
import { errorDetailSchema } from "./error.ts";
import { toolDetailSchema } from "./tool-detail.ts";

/** Longest message of a user, in UTF-16 code units. */
const MAX_MESSAGE_LENGTH = 100_000;

export const chatRequestSchema = z
  .strictObject({
    message: z
      .string()
      .max(MAX_MESSAGE_LENGTH)
      .refine((message) => message.trim() !== "", { error: "is empty" }),
  })
  .openapi("ChatRequest");

export const chatResponseSchema = z
  .object({ response: z.string(), session_id: z.string() })
  .openapi("ChatResponse");

export const chatCancelledSchema = z
  .object({ cancelled: z.boolean().meta({ description: "Whether a turn was running." }) })
  .openapi("ChatCancelled");

export const turnOutcomeSchema = z.enum(["completed", "cancelled", "failed"]);

export const toolStatusSchema = z.enum(["success", "error"]);

/** The `data:` of each event of a turn, by the name that stands in `event:`. */
const chatEventDataSchemas = {
  "turn-start": z.object({ turn_id: z.string(), message: z.string() }),
  "text-delta": z.object({ text: z.string() }),
  "tool-call": z.object({
    id: z.string(),
    name: z.string(),
    args: z.record(z.string(), z.unknown()),
  }),
  "tool-output": z.object({ id: z.string(), text: z.string() }),
  "tool-result": z.object({
    id: z.string(),
    status: toolStatusSchema,
    content: z.string().meta({ description: "What the model was told." }),
    detail: toolDetailSchema.nullable(),
  }),
  "turn-end": z.object({
    outcome: turnOutcomeSchema,
    response: z.string(),
    session_id: z.string(),
    error: errorDetailSchema.optional(),
  }),
} as const;

export type ChatEventName = keyof typeof chatEventDataSchemas;

/** One event of a turn: `{ event: "text-delta", data: { text } }` and so on. */
export type WireChatEvent = {
  [Name in ChatEventName]: { event: Name; data: z.infer<(typeof chatEventDataSchemas)[Name]> };
}[ChatEventName];

export type WireTurnOutcome = z.infer<typeof turnOutcomeSchema>;

/** How the description of the API shows an event; over the wire they are lines of an event stream. */
export const chatEventSchema = z
  .union([
    eventSchema("turn-start"),
    eventSchema("text-delta"),
    eventSchema("tool-call"),
    eventSchema("tool-output"),
    eventSchema("tool-result"),
    eventSchema("turn-end"),
  ])
  .openapi("ChatEvent");

function eventSchema<Name extends ChatEventName>(name: Name) {
  return z.object({
    id: z.int().meta({ description: "1, 2, 3 … in the turn." }),
    event: z.literal(name),
    data: chatEventDataSchemas[name],
  });
}
