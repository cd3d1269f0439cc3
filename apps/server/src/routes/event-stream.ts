import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { NO_STORE } from "../http/cache-control.ts";
import type { AppEnv } from "../services.ts";

export const EVENT_STREAM = "text/event-stream";

/** Whether the caller asked for events instead of JSON. */
export function prefersEvents(c: Context<AppEnv>): boolean {
  const supports = ["application/json", EVENT_STREAM];
  return accepts(c, { header: "Accept", supports, default: "application/json" }) === EVENT_STREAM;
}

/** So that events arrive when they happen, and are not kept anywhere. */
export const EVENT_STREAM_HEADERS = {
  "Content-Type": EVENT_STREAM,
  "Cache-Control": `${NO_STORE}, no-transform`,
  // nginx would hold events back otherwise.
  "X-Accel-Buffering": "no",
} as const;
