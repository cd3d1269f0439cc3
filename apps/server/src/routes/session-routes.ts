import { SandboxError } from "@carrel/backend-protocol";
import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import { routeErrors } from "../errors/route-errors.ts";
import type { AppEnv, AppServices } from "../services.ts";
import {
  createdSessionSchema,
  openingEventSchema,
  sessionEndedSchema,
  sessionSchema,
} from "../wire/session.ts";
import { EVENT_STREAM, prefersEvents } from "./event-stream.ts";
import { jsonAnswer } from "./json-answer.ts";
import { openingEvents } from "./opening-events.ts";
import { requireSession, sessionParameter, unknownSession } from "./session-parameter.ts";

const createSession = createRoute({
  method: "post",
  path: "/sessions",
  tags: ["sessions"],
  summary: "Create a session",
  description:
    "Answers once its sandbox runs. With Accept: text/event-stream it tells meanwhile how far the start has come; its last event is session-opened, or error.",
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
    200: {
      description: "The session, or the events of its start.",
      content: {
        "application/json": { schema: createdSessionSchema },
        [EVENT_STREAM]: { schema: openingEventSchema },
      },
    },
    ...routeErrors(400, 413, 503),
  },
});

const getSession = createRoute({
  method: "get",
  path: "/sessions/{session_id}",
  tags: ["sessions"],
  summary: "Describe a session",
  request: { params: sessionParameter },
  responses: { 200: jsonAnswer("The session.", sessionSchema), ...routeErrors(404, 503) },
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

/** Whoever puts the user there would get a session of nobody, whose files go with it. */
function requireNoBody(body: string): void {
  if (["", "{}"].includes(body.trim())) return;
  throw new SandboxError({
    code: "invalid-argument",
    message:
      "This route takes no body; the user is named by the query: `POST /sessions?user_id=…`.",
  });
}

/**
 * Ends a session if its client leaves before the answer with its id was sent: nobody can use it.
 * @param signal fires if the client leaves, and not once the answer was sent
 */
function endIfUnheard(
  sessionId: string,
  { manager, logger, signal }: Pick<AppServices, "manager" | "logger"> & { signal: AbortSignal },
): void {
  const end = (): void => {
    manager.endSession(sessionId).catch((error: unknown) => {
      logger.error({ err: error }, "a session whose client had left could not be ended");
    });
  };
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
}

export function sessionRoutes({ manager, chats, logger }: AppServices) {
  return new OpenAPIHono<AppEnv>()
    .openapi(createSession, async (c) => {
      const { user_id: userId } = c.req.valid("query");
      requireNoBody(await c.req.text());
      const options = userId === undefined ? {} : { userId };
      if (prefersEvents(c)) {
        c.get("visit").take("streams");
        return openingEvents(c, { manager, logger, options });
      }
      const { signal } = c.req.raw;
      const sessionId = await manager.createSession({ ...options, signal });
      endIfUnheard(sessionId, { manager, logger, signal });
      return c.json({ session_id: sessionId }, 200);
    })
    .openapi(getSession, async (c) => {
      const session = await requireSession(manager, c.req.valid("param").session_id);
      return c.json(
        {
          session_id: session.id,
          user_id: session.userId,
          state: session.state,
          progress: session.progress,
          created_at: session.createdAt,
          last_active_at: session.lastActiveAt,
        },
        200,
      );
    })
    .openapi(endSession, async (c) => {
      const { session_id: sessionId } = c.req.valid("param");
      // First, so that a turn does not end by itself over a sandbox that it lost.
      await chats.cancel(sessionId);
      if (!(await manager.endSession(sessionId))) throw unknownSession();
      await chats.forget(sessionId);
      return c.json({ message: "Session ended" as const }, 200);
    });
}
