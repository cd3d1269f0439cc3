import { z } from "@hono/zod-openapi";
import { commandOutcomeSchema } from "./command.ts";

/** What a tool did, for people. */
export const toolDetailSchema = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("command"),
      command: z.string(),
      outcome: commandOutcomeSchema,
      exit_code: z.int().nullable(),
      signal: z.string().nullable(),
      output: z.string(),
      truncated: z.boolean(),
      duration_ms: z.number(),
    }),
    z.object({
      kind: z.literal("edit"),
      path: z.string(),
      old_text: z.string(),
      new_text: z.string(),
      replacements: z.int(),
      first_line: z.int().meta({ description: "From 1." }),
    }),
    z.object({
      kind: z.literal("write"),
      path: z.string(),
      created: z.boolean(),
      size: z.int(),
      line_count: z.int(),
    }),
  ])
  .openapi("ToolDetail");

export type WireToolDetail = z.infer<typeof toolDetailSchema>;
