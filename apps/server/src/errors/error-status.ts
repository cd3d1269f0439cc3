import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ErrorCode } from "../wire/error.ts";

/** The HTTP status of each code: the only place that says so. */
export const ERROR_STATUS = {
  "invalid-argument": 400,
  "invalid-path": 400,
  "not-directory": 400,
  "is-directory": 400,
  "not-regular": 400,
  "permission-denied": 403,
  forbidden: 403,
  "not-found": 404,
  "method-not-allowed": 405,
  "already-exists": 409,
  conflict: 409,
  "no-match": 409,
  "ambiguous-match": 409,
  busy: 409,
  aborted: 409,
  gone: 410,
  "too-large": 413,
  "unsupported-media-type": 415,
  capacity: 429,
  "process-limit": 429,
  internal: 500,
  unsupported: 501,
  unavailable: 503,
  timeout: 504,
  "no-space": 507,
} as const satisfies Record<ErrorCode, ContentfulStatusCode>;

export type ErrorStatus = (typeof ERROR_STATUS)[ErrorCode];
