import { randomBytes } from "node:crypto";
import { SandboxError } from "@carrel/backend-protocol";

/** Longest user id or key, in bytes of UTF-8. */
export const MAX_USER_ID_BYTES = 256;

const SESSION_ID_PREFIX = "ses_";
const SESSION_ID_RANDOM_BYTES = 18;
const SESSION_ID = /^ses_[A-Za-z0-9_-]{24}$/;
const CONTROL_OR_LINE_BREAK = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** An id that nobody can guess. */
export function createSessionId(): string {
  return SESSION_ID_PREFIX + randomBytes(SESSION_ID_RANDOM_BYTES).toString("base64url");
}

/** Whether a sandbox's key is a session's id, and not a user's. */
export function isSessionKey(key: string): boolean {
  return key.startsWith(SESSION_ID_PREFIX);
}

/** Whether a session could have this id, so that stores are asked only for such. */
export function isPossibleSessionId(id: string): boolean {
  return SESSION_ID.test(id) || whyNoUserId(id) === null;
}

/** @throws `invalid-argument` where this cannot be a user id; `name` is the argument's */
export function assertUserId(name: string, value: string): void {
  const why = whyNoUserId(value);
  if (why === null) return;
  const message = `The ${name} ${shownId(value)} ${why}.`;
  throw new SandboxError({ code: "invalid-argument", message });
}

/** Anything that was given as an id, for a message. */
export function shownId(value: unknown): string {
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

// Whoever has no types gives anything.
function whyNoUserId(value: unknown): string | null {
  if (typeof value !== "string") return "is not a string";
  if (value === "") return "is empty";
  if (!value.isWellFormed()) return "is not well-formed Unicode";
  if (CONTROL_OR_LINE_BREAK.test(value)) return "contains a control character or a line break";
  if (value.startsWith(SESSION_ID_PREFIX)) {
    return `starts with "${SESSION_ID_PREFIX}", which is kept for session ids`;
  }
  if (Buffer.byteLength(value) > MAX_USER_ID_BYTES) {
    return `is longer than ${MAX_USER_ID_BYTES} bytes`;
  }
  return null;
}
