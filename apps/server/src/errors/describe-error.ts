import { SandboxError } from "@carrel/backend-protocol";
import { HTTPException } from "hono/http-exception";
import type { ErrorCode, WireErrorDetail } from "../wire/error.ts";
import { ServerError } from "./server-error.ts";

export interface DescribedError {
  detail: WireErrorDetail;
  retryAfterMs: number | undefined;
}

/**
 * What a client may know of an error, or `null` for one that nobody planned: of that it learns
 * nothing but that it happened.
 */
export function describeError(error: unknown): DescribedError | null {
  if (SandboxError.isInstance(error))
    return described(error.code, error.message, error.retryAfterMs);
  if (error instanceof ServerError) return described(error.code, error.message);
  if (error instanceof HTTPException) return describeHttpException(error);
  return null;
}

function described(code: ErrorCode, message: string, retryAfterMs?: number): DescribedError {
  return { detail: { code, message }, retryAfterMs };
}

// What Hono and its validators throw by themselves.
function describeHttpException(error: HTTPException): DescribedError | null {
  switch (error.status) {
    case 400:
      return described("invalid-argument", "The body is not valid JSON.");
    case 413:
      return described("too-large", "The body is too large.");
    case 415:
      return described(
        "unsupported-media-type",
        "The body must be JSON, with the header Content-Type: application/json.",
      );
    default:
      return null;
  }
}
