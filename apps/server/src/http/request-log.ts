import { createMiddleware } from "hono/factory";
import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { Logger } from "pino";
import type { AppEnv } from "../services.ts";

const SESSION_IN_PATH = /^\/(?:admin\/)?sessions\/(ses_[A-Za-z0-9_-]{8})/;

/**
 * One event for each request, of known fields only: no body, no query, no header. Of a session's
 * id, which is all that a caller needs to use it, the beginning.
 */
export function logRequests(logger: Logger): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAt = performance.now();
    c.header("X-Request-Id", c.get("requestId"));
    await next();
    const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL")?.path ?? null;
    const status = c.res.status;
    logger[status >= 500 ? "error" : "info"](
      {
        requestId: c.get("requestId"),
        method: c.req.method,
        route,
        session: route?.includes(":session_id") ? SESSION_IN_PATH.exec(c.req.path)?.[1] : undefined,
        status,
        durationMs: Math.round(performance.now() - startedAt),
      },
      "request",
    );
  });
}
