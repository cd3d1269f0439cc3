/**
 * Why an operation could not be done. The list is closed: a caller can handle all of it.
 *
 * | code | meaning | what the caller can do |
 * |---|---|---|
 * | `not-found` | a path, process or session that must exist does not | look again |
 * | `not-directory` | a directory was needed | give a directory |
 * | `is-directory` | a file was needed | give a file |
 * | `not-regular` | a FIFO, socket, device or refused link stands there | choose another path |
 * | `already-exists` | the target is there and must not be replaced | choose another, or say overwrite |
 * | `permission-denied` | the sandbox's user may not do that | change the mode inside the sandbox |
 * | `invalid-path` | NUL, too long, or otherwise no path | correct the path |
 * | `invalid-argument` | any other argument that cannot be meant | correct the argument |
 * | `too-large` | over a documented bound | ask for less, or stream |
 * | `no-space` | disk or quota is full | delete something |
 * | `conflict` | the file is not the one whose hash was given | read again, then decide |
 * | `no-match` | the text to replace does not occur | read again |
 * | `ambiguous-match` | it occurs more than once | give more context, or `replaceAll` |
 * | `process-limit` | the sandbox may not start another process | wait for or end one |
 * | `capacity` | the installation is full | retry after `retryAfterMs` |
 * | `gone` | this sandbox or session no longer exists | ask for it anew |
 * | `unavailable` | the engine or the channel to it is down | retry later |
 * | `timeout` | the operation's own deadline passed; its work was stopped | retry, or allow more time |
 * | `aborted` | the caller's signal fired; its work was stopped | nothing |
 * | `unsupported` | this kind of sandbox cannot do it | use another kind |
 */
export const SANDBOX_ERROR_CODES = [
  "not-found",
  "not-directory",
  "is-directory",
  "not-regular",
  "already-exists",
  "permission-denied",
  "invalid-path",
  "invalid-argument",
  "too-large",
  "no-space",
  "conflict",
  "no-match",
  "ambiguous-match",
  "process-limit",
  "capacity",
  "gone",
  "unavailable",
  "timeout",
  "aborted",
  "unsupported",
] as const;

export type SandboxErrorCode = (typeof SANDBOX_ERROR_CODES)[number];

export interface SandboxErrorOptions {
  code: SandboxErrorCode;
  /** What failed, with which value, and what to do about it. Safe to show to the user. */
  message: string;
  /** The error this one translates. Never shown to users: it may name host paths. */
  cause?: unknown;
  /** With `capacity` and `unavailable`: when to try again, in milliseconds. */
  retryAfterMs?: number;
  /**
   * With `capacity`: the option that set the limit, as the message spells it. Whoever shows the message to
   * people who know the option by another name can put that in its place.
   */
  setting?: string;
}

// Recognised by this mark and not by `instanceof`, so that two copies of the package agree.
const MARK = Symbol.for("carrel.sandbox-error");

/** The only error that sandboxes, providers and sessions throw on purpose. */
export class SandboxError extends Error {
  readonly code: SandboxErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly setting: string | undefined;

  constructor({ code, message, cause, retryAfterMs, setting }: SandboxErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.setting = setting;
    Object.defineProperty(this, MARK, { value: true });
  }

  static {
    this.prototype.name = "SandboxError";
  }

  static isInstance(value: unknown): value is SandboxError {
    return typeof value === "object" && value !== null && Object.hasOwn(value, MARK);
  }
}
