import { MAX_COMMAND_BYTES, MAX_COMMAND_TIMEOUT_MS } from "@carrel/backend-protocol";
import { z } from "@hono/zod-openapi";

export const executeRequestSchema = z
  .strictObject({
    command: z
      .string()
      .min(1)
      .refine((command) => Buffer.byteLength(command) <= MAX_COMMAND_BYTES, {
        error: `is longer than ${MAX_COMMAND_BYTES} bytes`,
      }),
    timeout_seconds: z
      .number()
      .positive()
      .max(MAX_COMMAND_TIMEOUT_MS / 1000)
      .optional(),
  })
  .openapi("ExecuteRequest");

export const commandOutcomeSchema = z
  .enum(["exited", "signaled", "timed-out", "cancelled", "output-limit", "out-of-memory", "lost"])
  .meta({ description: "How the command ended; only with `exited` is there an exit code." });

export const executeResultSchema = z
  .object({
    outcome: commandOutcomeSchema,
    exit_code: z.int().nullable(),
    signal: z.string().nullable(),
    stdout: z.string(),
    stderr: z.string(),
    output: z.string().meta({ description: "Both streams in the order in which they arrived." }),
    truncated: z.boolean(),
    duration_ms: z.number(),
  })
  .openapi("ExecuteResult");

export type WireCommandOutcome = z.infer<typeof commandOutcomeSchema>;
export type WireExecuteRequest = z.infer<typeof executeRequestSchema>;
export type WireExecuteResult = z.infer<typeof executeResultSchema>;
