import { z } from "@hono/zod-openapi";

export const createdSessionSchema = z.object({ session_id: z.string() }).openapi("CreatedSession");

export const sessionSchema = z
  .object({
    session_id: z.string(),
    user_id: z.string().nullable(),
    state: z.string().meta({ description: "What its sandbox does: `running`, `stopped`, …" }),
    created_at: z.iso.datetime(),
    last_active_at: z.iso.datetime(),
  })
  .openapi("Session");

export const sessionEndedSchema = z
  .object({ message: z.literal("Session ended") })
  .openapi("SessionEnded");

export type WireSession = z.infer<typeof sessionSchema>;
