import type { LoggedEvent, SessionRecord, WorkspaceRecord } from "@carrel/session-manager";
import type { Selectable } from "kysely";
import type { Tables } from "./tables.ts";

export function sessionRecord(row: Selectable<Tables["carrel_sessions"]>): SessionRecord {
  return {
    id: row.id,
    key: row.key,
    userId: row.user_id,
    scope: row.scope,
    state: row.state,
    createdAt: isoTime(row.created_at),
    lastUsedAt: isoTime(row.last_used_at),
  };
}

export function workspaceRecord(row: Selectable<Tables["carrel_workspaces"]>): WorkspaceRecord {
  return {
    key: row.key,
    userId: row.user_id,
    status: row.status,
    sandboxId: row.sandbox_id,
    createdAt: isoTime(row.created_at),
    lastUsedAt: isoTime(row.last_used_at),
  };
}

export function loggedEvent(row: Selectable<Tables["carrel_events"]>): LoggedEvent {
  return {
    sequence: row.sequence,
    at: isoTime(row.at),
    type: row.type,
    sessionId: row.session_id,
    key: row.key,
    detail: eventDetail(row.detail),
  };
}

// A row that something damaged must not keep all others from being listed.
function eventDetail(json: string): Record<string, unknown> {
  try {
    const detail: unknown = JSON.parse(json);
    const isObject = typeof detail === "object" && detail !== null && !Array.isArray(detail);
    return isObject ? (detail as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The latest time that JavaScript knows, and the negative of the earliest. */
const MAX_TIME_MS = 8.64e15;

function isoTime(milliseconds: number): string {
  const known = Math.abs(milliseconds) <= MAX_TIME_MS ? milliseconds : 0;
  return new Date(known).toISOString();
}
