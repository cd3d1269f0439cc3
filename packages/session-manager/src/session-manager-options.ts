import { SandboxError } from "@carrel/backend-protocol";
import type { OperationOptions, SandboxProvider } from "@carrel/backend-protocol";
import { MAX_INTERVAL_MS } from "./cleanup-loop.ts";
import type { MonotonicClock } from "./monotonic-clock.ts";
import { MemorySessionStore } from "./session-store.ts";
import type { SessionScope, SessionStore } from "./session-store.ts";

/** Sessions that may be open at a time, awake or asleep, where nothing else is said. */
export const DEFAULT_MAX_OPEN_SESSIONS = 10_000;
/** After how long without a call a sandbox is idle: half an hour. */
export const DEFAULT_IDLE_TIMEOUT_MS: number = 30 * 60 * 1000;
/** After how long without use a session whose sandbox sleeps is ended: seven days. */
export const DEFAULT_SESSION_RETENTION_MS: number = 7 * 24 * 60 * 60 * 1000;
/** Pause between two passes of the clean-up loop: five minutes. */
export const DEFAULT_CLEANUP_INTERVAL_MS: number = 5 * 60 * 1000;
export const DEFAULT_START_TIMEOUT_MS: number = 120 * 1000;
export const DEFAULT_STOP_TIMEOUT_MS: number = 30 * 1000;

export interface SessionManagerOptions {
  /** Makes the sandboxes. It stays its owner's: `shutdown` does not dispose of it. */
  provider: SandboxProvider;
  /** Where the open sessions are written down. @default a {@link MemorySessionStore} */
  store?: SessionStore;
  /**
   * Most sessions that this manager has open, awake or asleep. One more is `capacity`; those that
   * are open are served as before. @default {@link DEFAULT_MAX_OPEN_SESSIONS}
   */
  maxOpenSessions?: number;
  /**
   * How long a sandbox must be without a call, a running command or a lease to be put to sleep.
   * Only clean-up looks at it. @default {@link DEFAULT_IDLE_TIMEOUT_MS}
   */
  idleTimeoutMs?: number;
  /**
   * How long a session must be unused, its sandbox asleep, to be ended as by `endSession`: a
   * workspace that only it had is deleted, files of a user are kept. Only clean-up looks at it.
   * Use through another manager on the same store counts only while the sandbox runs. `Infinity`:
   * never. @default {@link DEFAULT_SESSION_RETENTION_MS}
   */
  sessionRetentionMs?: number;
  /** Longest time for a sandbox to run, from when it is asked for. @default {@link DEFAULT_START_TIMEOUT_MS} */
  startTimeoutMs?: number;
  /** Longest time for a sandbox to stop or to be deleted. @default {@link DEFAULT_STOP_TIMEOUT_MS} */
  stopTimeoutMs?: number;
  /** What idleness and retention are measured by. @default `performance` */
  clock?: MonotonicClock;
}

export interface CreateSessionOptions extends OperationOptions {
  /** Whose session it is: 1 to 256 bytes of well-formed UTF-8, no control characters, not starting with `ses_`. */
  userId?: string;
  /** @default `user` where there is a `userId`, otherwise `session` */
  scope?: SessionScope;
}

export function readOptions(
  options: SessionManagerOptions,
): Readonly<Required<SessionManagerOptions>> {
  const read = {
    store: new MemorySessionStore(),
    maxOpenSessions: DEFAULT_MAX_OPEN_SESSIONS,
    idleTimeoutMs: DEFAULT_IDLE_TIMEOUT_MS,
    sessionRetentionMs: DEFAULT_SESSION_RETENTION_MS,
    startTimeoutMs: DEFAULT_START_TIMEOUT_MS,
    stopTimeoutMs: DEFAULT_STOP_TIMEOUT_MS,
    clock: performance,
    ...options,
  };
  if (!Number.isSafeInteger(read.maxOpenSessions) || read.maxOpenSessions < 1) {
    throw invalid("maxOpenSessions", read.maxOpenSessions, "a whole number of at least 1");
  }
  assertIdleTime("idleTimeoutMs", read.idleTimeoutMs);
  assertIdleTime("sessionRetentionMs", read.sessionRetentionMs);
  assertTimer("startTimeoutMs", read.startTimeoutMs);
  assertTimer("stopTimeoutMs", read.stopTimeoutMs);
  return read;
}

/** @throws `invalid-argument` where it cannot be an idle time; `Infinity` can: never idle */
export function assertIdleTime(name: string, milliseconds: number): void {
  if (milliseconds >= 0) return;
  throw invalid(name, milliseconds, "a number of milliseconds, at least 0");
}

/** @throws `invalid-argument` where a timer could not be set to it */
export function assertTimer(name: string, milliseconds: number): void {
  if (milliseconds >= 1 && milliseconds <= MAX_INTERVAL_MS) return;
  throw invalid(name, milliseconds, `a number of milliseconds, 1 to ${MAX_INTERVAL_MS}`);
}

function invalid(name: string, value: unknown, expected: string): SandboxError {
  return new SandboxError({
    code: "invalid-argument",
    message: `${name} is ${String(value)}; it must be ${expected}.`,
  });
}
