import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Logger } from "pino";
import type { AppEnv } from "../services.ts";
import type { WireError, WireErrorDetail } from "../wire/error.ts";
import { describeError } from "./describe-error.ts";
import { ERROR_STATUS } from "./error-status.ts";

/** Every error becomes an answer here, and nowhere else. */
export function answerErrors(logger: Logger): ErrorHandler<AppEnv> {
  return (error, c) => {
    const known = describeError(error);
    if (known === null) return errorResponse(c, unknownFailure(c, error, logger));
    logCause(c, error, logger);
    if (known.retryAfterMs !== undefined) {
      c.header("Retry-After", String(Math.max(1, Math.ceil(known.retryAfterMs / 1000))));
    } else if (known.detail.code === "capacity") {
      c.header("Retry-After", DEFAULT_RETRY_SECONDS);
    }
    // What is left of the body is not waited for.
    if (known.status === 408) c.header("Connection", "close");
    return errorResponse(c, known.detail, known.status);
  };
}

const DEFAULT_RETRY_SECONDS = "30";

/** Of an error that nobody planned a client learns where to look for it. */
export function unknownFailure(
  c: Context<AppEnv>,
  error: unknown,
  logger: Logger,
): WireErrorDetail {
  const requestId = c.get("requestId");
  logger.error({ requestId, err: error }, "a request failed for an unknown reason");
  return {
    code: "internal",
    message: `The server failed. Its log says why under the request id ${requestId}.`,
  };
}

/**
 * Logs why a request is answered 5xx: a client learns what it can do, and the operator the cause. The
 * message of the error itself is for the client, and is left out: it may repeat what the client sent.
 */
export function logCause(c: Context<AppEnv>, error: unknown, logger: Logger): void {
  if (!(error instanceof Error) || error.cause === undefined) return;
  const code = describeError(error)?.detail.code;
  if (code === undefined || ERROR_STATUS[code] < 500) return;
  const requestId = c.get("requestId");
  logger.error({ requestId, code, err: error.cause }, "the cause of an error that was answered");
}

export const answerNotFound: NotFoundHandler<AppEnv> = (c) =>
  errorResponse(c, { code: "not-found", message: "There is no such route." });

export function errorResponse(
  c: Context<AppEnv>,
  detail: WireErrorDetail,
  status: ContentfulStatusCode = ERROR_STATUS[detail.code],
): Response {
  return c.json({ error: detail } satisfies WireError, status);
}
