import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import { routeErrors } from "../errors/route-errors.ts";
import { sendJson } from "../http/send-json.ts";
import type { AppEnv, AppServices } from "../services.ts";
import { cleanupSchema, sessionExistsSchema, sessionIdsSchema } from "../wire/admin.ts";
import { jsonAnswer } from "./json-answer.ts";
import { sessionParameter } from "./session-parameter.ts";

const DEFAULT_MAX_IDLE_SECONDS = "1800";

const cleanup = createRoute({
  method: "post",
  path: "/admin/cleanup",
  tags: ["admin"],
  summary: "Put sandboxes to sleep that nobody used for a while",
  request: {
    query: z.object({
      max_idle: z
        .string()
        .regex(/^[0-9]{1,9}$/, "must be a whole number of seconds")
        .default(DEFAULT_MAX_IDLE_SECONDS)
        .transform(Number)
        .meta({ type: "integer", minimum: 0, description: "Seconds." }),
    }),
  },
  responses: {
    200: jsonAnswer("How many sessions fell asleep, and how many are active.", cleanupSchema),
    ...routeErrors(400, 413, 503),
  },
});

const listSessions = createRoute({
  method: "get",
  path: "/admin/sessions",
  tags: ["admin"],
  summary: "List active sessions",
  responses: { 200: jsonAnswer("The active sessions.", sessionIdsSchema), ...routeErrors() },
});

const checkSession = createRoute({
  method: "get",
  path: "/admin/sessions/{session_id}",
  tags: ["admin"],
  summary: "Whether a session exists",
  request: { params: sessionParameter },
  responses: { 200: jsonAnswer("Whether it does.", sessionExistsSchema), ...routeErrors(503) },
});

export function adminRoutes({ manager }: AppServices) {
  return new OpenAPIHono<AppEnv>()
    .openapi(cleanup, async (c) => {
      const cleaned = await manager.cleanupIdle(c.req.valid("query").max_idle * 1000);
      return c.json({ cleaned, active: manager.sessionCount }, 200);
    })
    .openapi(listSessions, (c) =>
      sendJson(c, { count: manager.sessionCount, session_ids: [...manager.sessions.keys()] }),
    )
    .openapi(checkSession, async (c) => {
      const session = await manager.find(c.req.valid("param").session_id);
      return c.json({ exists: session !== null }, 200);
    });
}
