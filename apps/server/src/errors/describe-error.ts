import { SandboxError } from "@carrel/backend-protocol";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { VARIABLE_OF_SETTING } from "../limits-config.ts";
import type { ErrorCode, WireErrorDetail } from "../wire/error.ts";
import { ServerError } from "./server-error.ts";

export interface DescribedError {
  detail: WireErrorDetail;
  retryAfterMs: number | undefined;
  /** If it is another than that of the code. */
  status?: ContentfulStatusCode;
}

/**
 * What a client may know of an error, or `null` for one that nobody planned: of that it learns
 * nothing but that it happened.
 */
export function describeError(error: unknown): DescribedError | null {
  if (SandboxError.isInstance(error)) {
    return described(error.code, messageForOperators(error), error.retryAfterMs);
  }
  if (error instanceof ServerError) return described(error.code, error.message);
  if (!(error instanceof HTTPException)) return null;
  const detail = HTTP_EXCEPTIONS[error.status];
  return detail === undefined ? null : { detail, retryAfterMs: undefined, status: error.status };
}

/** Returns the message with the operator's variable in place of the option that it names. */
function messageForOperators({ message, setting }: SandboxError): string {
  const variable = setting === undefined ? undefined : VARIABLE_OF_SETTING[setting];
  if (setting === undefined || variable === undefined) return message;
  const end = message.lastIndexOf(setting);
  if (end < 0) return message;
  return message.slice(0, end) + variable + message.slice(end + setting.length);
}

function described(code: ErrorCode, message: string, retryAfterMs?: number): DescribedError {
  return { detail: { code, message }, retryAfterMs };
}

// What Hono, its validators and the reading of bodies throw, by status.
const HTTP_EXCEPTIONS: Partial<Record<number, WireErrorDetail>> = {
  400: { code: "invalid-argument", message: "The body is not valid JSON." },
  408: { code: "timeout", message: "The body of the request did not arrive in time." },
  413: { code: "too-large", message: "The body is too large." },
  415: {
    code: "unsupported-media-type",
    message: "The body must be JSON, with the header Content-Type: application/json.",
  },
};
