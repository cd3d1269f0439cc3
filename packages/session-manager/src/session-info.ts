import type { SessionScope } from "./session-store.ts";

/**
 * | state | the sandbox | a call on it |
 * |---|---|---|
 * | `starting` | is made or woken now | waits, then works |
 * | `running` | runs, as far as is known | works |
 * | `paused` | is frozen in memory (not used yet: idle sandboxes are stopped) | wakes it |
 * | `stopped` | sleeps: its files are kept, its memory is free | wakes it |
 * | `ending` | is stopped or deleted for good now, or that failed and is tried again | throws `gone` |
 */
export type SessionState = "starting" | "running" | "paused" | "stopped" | "ending";

/** An open session as it was when this was asked for. */
export interface SessionInfo {
  readonly id: string;
  /** `null`: opened for nobody in particular. */
  readonly userId: string | null;
  readonly scope: SessionScope;
  readonly state: SessionState;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  /** When a call of this session last began or ended, ISO 8601 in UTC. For display only. */
  readonly lastActiveAt: string;
}
