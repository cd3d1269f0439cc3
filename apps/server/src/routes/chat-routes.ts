import { SandboxError } from "@carrel/backend-protocol";
import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ChatTurn } from "../chat/chat-turn.ts";
import type { Chats } from "../chat/chats.ts";
import { turnEventStream } from "../chat/turn-event-stream.ts";
import { errorResponse } from "../errors/error-response.ts";
import { routeErrors } from "../errors/route-errors.ts";
import { sendJson } from "../http/send-json.ts";
import type { Visit } from "../http/visits.ts";
import type { AppEnv, AppServices } from "../services.ts";
import {
  chatCancelledSchema,
  chatEventSchema,
  chatRequestSchema,
  chatResponseSchema,
} from "../wire/chat.ts";
import { messageListSchema } from "../wire/messages.ts";
import { EVENT_STREAM, EVENT_STREAM_HEADERS, prefersEvents } from "./event-stream.ts";
import { jsonAnswer } from "./json-answer.ts";
import { requireSession, sessionParameter } from "./session-parameter.ts";

const chat = createRoute({
  method: "post",
  path: "/sessions/{session_id}/chat",
  tags: ["chat"],
  summary: "Say something to the agent",
  description:
    "Begins a turn, which goes on also where the client leaves. With Accept: text/event-stream its events are the answer, otherwise its end.",
  request: {
    params: sessionParameter,
    body: { required: true, content: { "application/json": { schema: chatRequestSchema } } },
  },
  responses: {
    200: {
      description: "The end of the turn, or its events.",
      content: {
        "application/json": { schema: chatResponseSchema },
        [EVENT_STREAM]: { schema: chatEventSchema },
      },
    },
    ...routeErrors(400, 404, 409, 413, 415, 503, 504),
  },
});

const wholeNumber = z
  .string()
  .regex(/^[0-9]{1,9}$/, "must be a whole number")
  .transform(Number)
  .optional();

const chatEvents = createRoute({
  method: "get",
  path: "/sessions/{session_id}/chat/events",
  tags: ["chat"],
  summary: "The events of the turn that runs or ran last",
  request: {
    params: sessionParameter,
    query: z.object({
      after: wholeNumber.meta({ type: "integer", description: "The last event that you have." }),
      turn_id: z.string().optional().meta({ description: "The turn that `after` belongs to." }),
    }),
    headers: z.object({
      "last-event-id": wholeNumber.meta({ type: "string", description: "As `after`." }),
    }),
  },
  responses: {
    200: {
      description: "The events after that one, to the end of the turn.",
      content: { [EVENT_STREAM]: { schema: chatEventSchema } },
    },
    204: { description: "There is no such turn, or it has no event after that one." },
    ...routeErrors(400, 404),
  },
});

const cancelChat = createRoute({
  method: "post",
  path: "/sessions/{session_id}/chat/cancel",
  tags: ["chat"],
  summary: "Stop the turn that runs",
  description: "Answers when it has stopped.",
  request: { params: sessionParameter },
  responses: {
    200: jsonAnswer("Whether a turn was running.", chatCancelledSchema),
    ...routeErrors(404, 413),
  },
});

const listMessages = createRoute({
  method: "get",
  path: "/sessions/{session_id}/messages",
  tags: ["chat"],
  summary: "The conversation so far",
  request: { params: sessionParameter },
  responses: { 200: jsonAnswer("The finished turns.", messageListSchema), ...routeErrors(404) },
});

export function chatRoutes({ manager, chats }: AppServices) {
  return new OpenAPIHono<AppEnv>()
    .openapi(chat, async (c) => {
      const { session_id: sessionId } = c.req.valid("param");
      await requireSession(manager, sessionId);
      const visit = c.get("visit");
      if (prefersEvents(c)) visit.take("streams");
      const turn = startTurn(chats, visit, { sessionId, message: c.req.valid("json").message });
      if (prefersEvents(c)) return answerEvents(c, turn, 0);
      const { outcome, response, error } = await turn.ended;
      if (outcome === "completed") return sendJson(c, { response, session_id: sessionId });
      return errorResponse(c, error ?? { code: "aborted", message: "The turn was cancelled." });
    })
    .openapi(chatEvents, async (c) => {
      const { session_id: sessionId } = c.req.valid("param");
      await requireSession(manager, sessionId);
      const { after, turn_id: turnId } = c.req.valid("query");
      const position = after ?? c.req.valid("header")["last-event-id"] ?? 0;
      const turn = chats.latest(sessionId);
      if (turn === null || (turnId !== undefined && turnId !== turn.id)) return c.body(null, 204);
      if (turn.log.ended && position >= turn.log.lastId) return c.body(null, 204);
      if (position > turn.log.lastId) throw futureEvent(position);
      c.get("visit").take("streams");
      return answerEvents(c, turn, position);
    })
    .openapi(cancelChat, async (c) => {
      const { session_id: sessionId } = c.req.valid("param");
      await requireSession(manager, sessionId);
      return c.json({ cancelled: await chats.cancel(sessionId) }, 200);
    })
    .openapi(listMessages, async (c) => {
      const { session_id: sessionId } = c.req.valid("param");
      await requireSession(manager, sessionId);
      return sendJson(c, await chats.messages(sessionId));
    });
}

/** The turn counts for its user until it ends, though its client may leave before. */
function startTurn(
  chats: Chats,
  visit: Visit,
  { sessionId, message }: { sessionId: string; message: string },
): ChatTurn {
  const taken = visit.takeBeyond("turns");
  try {
    const turn = chats.start(sessionId, message, visit.memory);
    void turn.ended.then(() => taken[Symbol.dispose]());
    return turn;
  } catch (error) {
    taken[Symbol.dispose]();
    throw error;
  }
}

function answerEvents(c: Context<AppEnv>, turn: ChatTurn, after: number): Response {
  const { loop } = c.get("visit");
  return c.body(turnEventStream(turn.log, { after, loop }), 200, EVENT_STREAM_HEADERS);
}

function futureEvent(position: number): SandboxError {
  return new SandboxError({
    code: "invalid-argument",
    message: `The turn has no event ${position} yet. Give the id of the last event that you have, and its turn_id.`,
  });
}
