export { MAX_BUFFERED_EVENTS } from "./event-stream.ts";
export type { EventStream, EventStreamOptions } from "./event-stream.ts";
export type { MonotonicClock } from "./monotonic-clock.ts";
export type { RecoverOptions, RecoveryReport } from "./recovery.ts";
export type {
  AcquirePath,
  EndReason,
  SessionEvent,
  SessionEventListener,
} from "./session-events.ts";
export type { ManagerLoad, SessionInfo, SessionProgress, SessionState } from "./session-info.ts";
export { MAX_USER_ID_BYTES } from "./session-key.ts";
export { SessionManager } from "./session-manager.ts";
export { DEFAULT_CLEANUP_INTERVAL_MS, DEFAULT_SETTINGS } from "./session-manager-options.ts";
export type {
  CreateSessionOptions,
  ManagerSettings,
  SessionManagerOptions,
} from "./session-manager-options.ts";
export { MAX_EVENTS_IN_MEMORY, MemorySessionStore } from "./memory-session-store.ts";
export type { MemorySessionStoreOptions } from "./memory-session-store.ts";
export { MAX_PRUNED_EVENTS, NO_USER, ROOM_REQUEST_TTL_MS } from "./session-store.ts";
export type {
  AcquireOutcome,
  LoggedEvent,
  NewSession,
  OpenCeilings,
  OpenOutcome,
  ResidentCeilings,
  RoomRequest,
  SessionRecord,
  SessionScope,
  SessionStore,
  WorkspaceRecord,
} from "./session-store.ts";
export { DEFAULT_MEMORY_BYTES } from "./user-budgets.ts";
export type { BackgroundWorkPolicy } from "./work-watch.ts";
