import type { StartProgress } from "@carrel/backend-protocol";
import type { SessionScope } from "./session-store.ts";

/**
 * | state | the sandbox | a call on it |
 * |---|---|---|
 * | `starting` | is made or woken now | waits, then works |
 * | `running` | runs, as far as is known | works |
 * | `paused` | is frozen in memory | wakes it |
 * | `stopped` | sleeps: its files are kept, its memory is free | wakes it |
 * | `ending` | is stopped or deleted for good now, or that failed and is tried again | throws `gone` |
 */
export type SessionState = "starting" | "running" | "paused" | "stopped" | "ending";

/** How far the start of a sandbox has come: `queued`: others start first; `waking`: it slept. */
export interface SessionProgress {
  phase: "queued" | "waking" | StartProgress["phase"];
  /** For people. */
  detail?: string;
}

/** An open session as it was when this was asked for. */
export interface SessionInfo {
  readonly id: string;
  /** `null`: opened for nobody in particular. */
  readonly userId: string | null;
  readonly scope: SessionScope;
  readonly state: SessionState;
  /** While its sandbox starts; otherwise `null`. */
  readonly progress: SessionProgress | null;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  /** When a call of this session last began or ended, ISO 8601 in UTC. For display only. */
  readonly lastActiveAt: string;
}

/** What a manager has to do at a moment. */
export interface ManagerLoad {
  /** Sessions that this manager knows, awake or asleep. The store may have more. */
  readonly knownSessions: number;
  /** Sandboxes that this manager has in memory, running or paused. */
  readonly residentSandboxes: number;
  readonly runningStarts: number;
  /** Starts that wait for their turn. */
  readonly waitingStarts: number;
}
