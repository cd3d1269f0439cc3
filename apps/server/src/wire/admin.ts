import { z } from "@hono/zod-openapi";

export const cleanupSchema = z.object({ cleaned: z.int(), active: z.int() }).openapi("Cleanup");

export const sessionIdsSchema = z
  .object({ count: z.int(), session_ids: z.array(z.string()) })
  .openapi("SessionIds");

export const sessionExistsSchema = z.object({ exists: z.boolean() }).openapi("SessionExists");
