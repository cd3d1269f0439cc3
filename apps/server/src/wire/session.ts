import { z } from "@hono/zod-openapi";
import { errorDetailSchema } from "./error.ts";

export const createdSessionSchema = z.object({ session_id: z.string() }).openapi("CreatedSession");

const startProgressSchema = z
  .object({
    phase: z.enum(["queued", "waking", "pulling", "building", "creating", "claiming", "starting"]),
    detail: z.string().optional().meta({ description: "For people." }),
  })
  .openapi("StartProgress");

export const sessionSchema = z
  .object({
    session_id: z.string(),
    user_id: z.string().nullable(),
    state: z.string().meta({ description: "What its sandbox does: `running`, `stopped`, …" }),
    progress: startProgressSchema
      .nullable()
      .meta({ description: "How far the start of its sandbox has come, while it starts." }),
    created_at: z.iso.datetime(),
    last_active_at: z.iso.datetime(),
  })
  .openapi("Session");

export const sessionEndedSchema = z
  .object({ message: z.literal("Session ended") })
  .openapi("SessionEnded");

/** What `POST /sessions` tells where events are asked for, in this order; the last one ends it. */
export const openingEventSchema = z
  .union([
    z.object({ event: z.literal("start-progress"), data: startProgressSchema }),
    z.object({ event: z.literal("session-opened"), data: createdSessionSchema }),
    z.object({ event: z.literal("error"), data: errorDetailSchema }),
  ])
  .openapi("OpeningEvent");

export type WireOpeningEvent = z.infer<typeof openingEventSchema>;
export type WireStartProgress = z.infer<typeof startProgressSchema>;
export type WireSession = z.infer<typeof sessionSchema>;
