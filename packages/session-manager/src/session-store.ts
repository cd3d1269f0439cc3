import type { SandboxStatus } from "@carrel/backend-protocol";

/** Lines of the log that one call deletes at most; while it deletes as many, more may be left. */
export const MAX_PRUNED_EVENTS = 10_000;

/** For so long a request for room stands. Who still needs it then asks again. */
export const ROOM_REQUEST_TTL_MS = 3000;

/**
 * Stands for callers without a user id, who count as one user wherever users have shares. No user id
 * is empty.
 */
export const NO_USER = "";

/** Returns the share against which something counts: a user id, or {@link NO_USER}. */
export function shareOf(userId: string | null): string {
  return userId ?? NO_USER;
}

/**
 * Whose workspace a session works in.
 *
 * | scope | key of the sandbox | workspace |
 * |---|---|---|
 * | `user` | the user's id: all sessions of the user share one sandbox | outlives the session |
 * | `session` | the session's id: a sandbox of its own | deleted when the session ends |
 */
export type SessionScope = "user" | "session";

/** What is known of an open session, awake or asleep. */
export interface SessionRecord {
  readonly id: string;
  /** The key of its sandbox. */
  readonly key: string;
  /** `null`: opened for nobody in particular. */
  readonly userId: string | null;
  readonly scope: SessionScope;
  /**
   * `opening`: reserved, its sandbox never ran yet. A crash in between leaves it so; recovery
   * removes it once nobody who lives holds its key.
   */
  readonly state: "opening" | "open";
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  /**
   * Of its last recorded use, ISO 8601 in UTC; uses are recorded in batches, so this lags by some seconds.
   * It equals `createdAt` only if no use was recorded.
   */
  readonly lastUsedAt: string;
}

export type NewSession = Pick<SessionRecord, "id" | "key" | "userId" | "scope">;

/**
 * Ceilings over all managers of a store. `Infinity`: none. Ceilings by user count sessions and sandboxes
 * of one user id, and all without a user id together as those of one user.
 */
export interface OpenCeilings {
  maxOpenSessions: number;
  maxOpenSessionsPerUser: number;
}

export interface ResidentCeilings {
  maxResidentSandboxes: number;
  maxResidentSandboxesPerUser: number;
}

export type OpenOutcome =
  /** `opened`: by this call, in state `opening`. Otherwise the record that stood there before. */
  | { outcome: "opened" | "found"; record: SessionRecord }
  /** Nothing was written. */
  | { outcome: "full"; ceiling: keyof OpenCeilings };

export type AcquireOutcome =
  /** `shared`: another holder that lives has it too. */
  | { outcome: "acquired"; shared: boolean }
  /** Another holder that lives is putting it to sleep: ask again soon. */
  | { outcome: "changing" }
  /** Nothing was written. */
  | { outcome: "full"; ceiling: keyof ResidentCeilings };

/** A holder needs room in memory that others have. */
export interface RoomRequest {
  /** Whose sandbox is to have it. */
  readonly key: string;
  /** Only a sandbox of this user can make it; {@link NO_USER}: one without a user id; `null`: anybody's. */
  readonly ofUser: string | null;
}

/** What is known of the workspace of a key, whether or not a session is open. */
export interface WorkspaceRecord {
  readonly key: string;
  readonly userId: string | null;
  /** As it was last told; `null` where no sandbox of it ever ran. The engine is the truth. */
  readonly status: SandboxStatus | null;
  readonly sandboxId: string | null;
  readonly createdAt: string;
  readonly lastUsedAt: string;
}

/** A line of the log of what happened. */
export interface LoggedEvent {
  /** Grows with every event of a store. */
  readonly sequence: number;
  readonly at: string;
  /** `session-opened`, … */
  readonly type: string;
  readonly sessionId: string | null;
  readonly key: string | null;
  /** JSON; no secrets, no content of users. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/**
 * Where sessions are written down, shared by all managers of an installation. Each method is one
 * transaction: it happened or it did not, also among processes, also where one is killed. Times are
 * those of the database's clock alone, so that machines need not agree on theirs.
 *
 * A *holder* is one manager while it lives: it beats. A holder whose last beat expired is dead, and
 * nothing that it holds counts any more. A *residency* is a holder's word that a key's sandbox is, or
 * is about to be, in memory and used through it; it is written once per waking, not once per call.
 *
 * @throws `unavailable` where the database cannot be reached, `timeout`
 */
export interface SessionStore extends AsyncDisposable {
  /** The record of this id, or `null` where no such session is open or opening. */
  get(id: string): Promise<SessionRecord | null>;
  /** Find the session of this id, or reserve it if the ceilings allow: counted and written in one step. */
  open(session: NewSession, ceilings: OpenCeilings): Promise<OpenOutcome>;
  /** Its sandbox ran. `false` where the session was ended meanwhile. Establishing twice is harmless. */
  establish(id: string): Promise<boolean>;
  /** End it. `false` where there was none. Its workspace stays on record. */
  close(id: string): Promise<boolean>;
  /** Open sessions in the order of their ids (by their bytes in UTF-8), after `after`. @param limit 1 to 1000 */
  list(o: {
    userId?: string;
    key?: string;
    after?: string;
    limit: number;
  }): Promise<SessionRecord[]>;
  /** How many are open or opening; of one user if given. `null`: those without a user id. */
  count(userId?: string | null): Promise<number>;
  /**
   * Records uses, also of their workspaces. A use is at least one millisecond after the opening, however
   * inexact the clocks are.
   * @param uses how long ago each was, in milliseconds
   */
  touch(uses: readonly { sessionId: string; agoMs: number }[]): Promise<void>;

  /**
   * Live on for `ttlMs` from now.
   * @returns whether it lived until now: `false` on its first beat, and where it had died meanwhile. It holds nothing then.
   */
  beat(holder: string, ttlMs: number): Promise<boolean>;
  /** End a holder with all that it holds. */
  retire(holder: string): Promise<void>;
  /** End all holders but this one: for whoever knows that the others are dead. */
  retireOthers(holder: string): Promise<void>;
  /**
   * Hold the residency of a key: counted and written in one step. Keys that any living holder holds
   * count as resident. Acquiring what one holds already is `acquired`. Writes the workspace's record where missing,
   * and counts as a use of it.
   * @throws `unavailable` where the holder does not live: beat, then ask again
   */
  acquire(
    o: { key: string; userId: string | null; holder: string },
    ceilings: ResidentCeilings,
  ): Promise<AcquireOutcome>;
  /**
   * Ask the other holders to put an idle sandbox to sleep. The request stands for {@link ROOM_REQUEST_TTL_MS};
   * there is one for each key, and asking again renews it.
   * @returns `false`, and nothing is written, where no other living holder holds a sandbox that could make room
   * @throws `unavailable` where the holder does not live: beat, then ask again
   */
  requestRoom(o: RoomRequest & { holder: string }): Promise<boolean>;
  /**
   * Take a request from another living holder that a sandbox of this one could answer: nobody else gets it
   * as long as this one lives and does not end it. Those for room of anybody come first, then the oldest.
   * Void are those for keys that somebody who lives holds by now. `null`: there is none.
   */
  takeRoomRequest(holder: string): Promise<RoomRequest | null>;
  /** It was answered, or nobody needs it any more. `giveBack`: another one may take it. */
  endRoomRequest(key: string, o?: { giveBack?: boolean }): Promise<void>;
  /**
   * Before a holder puts a key's sandbox to sleep or deletes it: `false`, and nothing written, where another
   * living holder has its residency or is changing it. From then on others get `changing`. The holder need not hold it.
   * @throws `unavailable` where the holder does not live: beat, then ask again
   */
  beginChange(key: string, holder: string): Promise<boolean>;
  /**
   * After that: the change is over. `keep`: the residency of this holder stays (it failed, or it still runs).
   * `status`: what became of the sandbox; `null` leaves what is on record.
   */
  endChange(o: {
    key: string;
    holder: string;
    keep: boolean;
    status: SandboxStatus | null;
  }): Promise<void>;
  /** Give a residency up without a change (the sandbox is left as it is, or another holder has it). */
  release(key: string, holder: string): Promise<void>;
  /** Tell what became of a key's sandbox. Writes the workspace's record, of nobody in particular, where missing. */
  record(key: string, o: { status: SandboxStatus; sandboxId: string | null }): Promise<void>;

  workspace(key: string): Promise<WorkspaceRecord | null>;
  /**
   * Workspaces unused for so long that no session is open for and no living holder holds, least recently used first.
   * With `status` only those last told to be so. @param limit 1 to 1000
   */
  unusedWorkspaces(o: {
    unusedForMs: number;
    status?: SandboxStatus;
    limit: number;
  }): Promise<WorkspaceRecord[]>;
  /** `false` where there was none, or where a session is open or a living holder holds it. A change under way is no obstacle. */
  forgetWorkspace(key: string): Promise<boolean>;

  /** Append to the log. */
  log(events: readonly Omit<LoggedEvent, "sequence" | "at">[]): Promise<void>;
  /** @param limit 1 to 1000 */
  events(o: {
    sessionId?: string;
    key?: string;
    after?: number;
    limit: number;
  }): Promise<LoggedEvent[]>;
  /**
   * Delete what is older, and of the rest the oldest beyond the latest `keep` lines, at most
   * {@link MAX_PRUNED_EVENTS} in one call. @param keep `Infinity`: any number @returns how many
   */
  pruneEvents(olderThanMs: number, keep?: number): Promise<number>;
  /** Delete the lines of a key, at most {@link MAX_PRUNED_EVENTS} in one call. @returns how many */
  forgetEvents(key: string): Promise<number>;
}
