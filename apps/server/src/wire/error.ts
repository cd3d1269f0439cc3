import { SANDBOX_ERROR_CODES } from "@carrel/backend-protocol";
import type { SandboxErrorCode } from "@carrel/backend-protocol";
import { z } from "@hono/zod-openapi";

/** What only the server answers, beside the codes of the sandbox protocol. */
export const SERVER_ERROR_CODES = [
  "unsupported-media-type",
  "method-not-allowed",
  "forbidden",
  "busy",
  "internal",
] as const;

export type ErrorCode = SandboxErrorCode | (typeof SERVER_ERROR_CODES)[number];

export const errorDetailSchema = z
  .object({
    code: z.enum([...SANDBOX_ERROR_CODES, ...SERVER_ERROR_CODES]).meta({
      description: "What programs decide by.",
    }),
    message: z.string().meta({ description: "For people: what failed, and what to do." }),
  })
  .openapi("ErrorDetail");

/** The body of every answer that is no success. */
export const errorSchema = z.object({ error: errorDetailSchema }).openapi("Error");

export type WireErrorDetail = z.infer<typeof errorDetailSchema>;
export type WireError = z.infer<typeof errorSchema>;
