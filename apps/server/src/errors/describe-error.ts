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
  const exception = error instanceof HTTPException ? HTTP_EXCEPTIONS[error.status] : undefined;
  return exception === undefined ? null : described(exception.code, exception.message);
}

function described(code: ErrorCode, message: string, retryAfterMs?: number): DescribedError {
  return { detail: { code, message }, retryAfterMs };
}

// What Hono and its validators throw by themselves, by status.
const HTTP_EXCEPTIONS: Partial<Record<number, WireErrorDetail>> = {
  400: { code: "invalid-argument", message: "The body is not valid JSON." },
  413: { code: "too-large", message: "The body is too large." },
  415: {
    code: "unsupported-media-type",
    message: "The body must be JSON, with the header Content-Type: application/json.",
  },
};
