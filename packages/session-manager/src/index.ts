export type { MonotonicClock } from "./monotonic-clock.ts";
export type { SessionEvent, SessionEventListener } from "./session-events.ts";
export type { SessionInfo, SessionState } from "./session-info.ts";
export { MAX_USER_ID_BYTES } from "./session-key.ts";
export { SessionManager } from "./session-manager.ts";
export {
  DEFAULT_CLEANUP_INTERVAL_MS,
  DEFAULT_IDLE_TIMEOUT_MS,
  DEFAULT_MAX_OPEN_SESSIONS,
  DEFAULT_SESSION_RETENTION_MS,
  DEFAULT_START_TIMEOUT_MS,
  DEFAULT_STOP_TIMEOUT_MS,
} from "./session-manager-options.ts";
export type { CreateSessionOptions, SessionManagerOptions } from "./session-manager-options.ts";
export { MemorySessionStore } from "./session-store.ts";
export type { SessionRecord, SessionScope, SessionStore } from "./session-store.ts";
