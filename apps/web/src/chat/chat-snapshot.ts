import type { ApiError } from "../api/api-error.ts";
import type { Turn } from "./conversation.ts";

/** How the page stands with the server. */
export type Link =
  | { state: "up" }
  | { state: "connecting"; error: ApiError | null }
  | { state: "waiting"; error: ApiError; delayMs: number }
  /** The session is no more; only a new one helps. */
  | { state: "ended" };

/** A message that the server did not take. */
export interface Refusal {
  message: string;
  error: ApiError;
}

export interface ChatSnapshot {
  /** The record has arrived: `turns` is all there is. */
  loaded: boolean;
  turns: readonly Turn[];
  link: Link;
  /** The running turn was asked to stop. */
  stopping: boolean;
  /** Why stopping did not work. */
  stopError: ApiError | null;
  refusal: Refusal | null;
  /** Goes up whenever the agent may have changed a file. */
  workspaceChanges: number;
}

export const INITIAL_SNAPSHOT: ChatSnapshot = {
  loaded: false,
  turns: [],
  link: { state: "connecting", error: null },
  stopping: false,
  stopError: null,
  refusal: null,
  workspaceChanges: 0,
};
