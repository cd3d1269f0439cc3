import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import { routeErrors } from "../errors/route-errors.ts";
import type { AppEnv, AppServices } from "../services.ts";
import { createdSessionSchema, sessionEndedSchema, sessionSchema } from "../wire/session.ts";
import { jsonAnswer } from "./json-answer.ts";
import { sessionParameter, unknownSession } from "./session-parameter.ts";

const createSession = createRoute({
  method: "post",
  path: "/sessions",
  tags: ["sessions"],
  summary: "Create a session",
  request: {
    query: z.object({
      user_id: z
        .string()
        .max(256)
        .transform((userId) => (userId === "" ? undefined : userId))
        .optional()
        .meta({
          description:
            "Sessions of one user share that user's files. Without it, the session has files of its own.",
        }),
    }),
  },
  responses: {
    200: jsonAnswer("The session.", createdSessionSchema),
    ...routeErrors(400, 413, 429, 503),
  },
});

const getSession = createRoute({
  method: "get",
  path: "/sessions/{session_id}",
  tags: ["sessions"],
  summary: "Describe a session",
  request: { params: sessionParameter },
  responses: { 200: jsonAnswer("The session.", sessionSchema), ...routeErrors(404) },
});

const endSession = createRoute({
  method: "delete",
  path: "/sessions/{session_id}",
  tags: ["sessions"],
  summary: "End a session",
  description: "Cancels its turn of chat and forgets its conversation.",
  request: { params: sessionParameter },
  responses: {
    200: jsonAnswer("The session has ended.", sessionEndedSchema),
    ...routeErrors(404, 413, 503),
  },
});

export function sessionRoutes({ manager, chats }: AppServices) {
  return new OpenAPIHono<AppEnv>()
    .openapi(createSession, async (c) => {
      const { user_id: userId } = c.req.valid("query");
      const sessionId = await manager.createSession(userId === undefined ? {} : { userId });
      return c.json({ session_id: sessionId }, 200);
    })
    .openapi(getSession, (c) => {
      const session = manager.describe(c.req.valid("param").session_id);
      if (session === null) throw unknownSession();
      return c.json(
        {
          session_id: session.id,
          user_id: session.userId,
          state: session.state,
          created_at: session.createdAt,
          last_active_at: session.lastActiveAt,
        },
        200,
      );
    })
    .openapi(endSession, async (c) => {
      const { session_id: sessionId } = c.req.valid("param");
      if (!(await manager.endSession(sessionId))) throw unknownSession();
      await chats.forget(sessionId);
      return c.json({ message: "Session ended" as const }, 200);
    });
}
