import type { SandboxStatus } from "@carrel/backend-protocol";
import type { SessionScope } from "@carrel/session-manager";
import type { Generated } from "kysely";

/** Times are milliseconds since 1970, by the database's clock. */
export interface Tables {
  carrel_sessions: {
    id: string;
    key: string;
    user_id: string | null;
    scope: SessionScope;
    state: "opening" | "open";
    created_at: number;
    last_used_at: number;
  };
  carrel_workspaces: {
    key: string;
    user_id: string | null;
    status: SandboxStatus | null;
    sandbox_id: string | null;
    created_at: number;
    last_used_at: number;
  };
  carrel_holders: {
    id: string;
    beat_at: number;
    expires_at: number;
  };
  carrel_residencies: {
    key: string;
    holder: string;
    user_id: string | null;
  };
  /** Keys whose sandboxes are put to sleep or deleted now. */
  carrel_changes: {
    key: string;
    holder: string;
  };
  /** Keys for which their holders need room that others have. */
  carrel_room_requests: {
    key: string;
    holder: string;
    of_user: string | null;
    asked_at: number;
    /** The holder that looks after it. */
    taken_by: string | null;
  };
  carrel_events: {
    sequence: Generated<number>;
    at: number;
    type: string;
    session_id: string | null;
    key: string | null;
    /** JSON */
    detail: string;
  };
}
