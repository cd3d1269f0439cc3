import type { ApiError } from "../api/api-error.ts";
import type { Turn } from "./conversation.ts";

/** How the page stands with the server. */
type Link =
  | { state: "up" }
  /** For the first time, or again after `error`. */
  | { state: "connecting"; error: ApiError | null; attempt: number }
  /** `attempt`: how many have failed one after the other, from 1. */
  | { state: "waiting"; error: ApiError; attempt: number }
  /** The session is no more; only a new one helps. */
  | { state: "ended" };

/** A message that the server did not take. */
interface Refusal {
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
  link: { state: "connecting", error: null, attempt: 0 },
  stopping: false,
  stopError: null,
  refusal: null,
  workspaceChanges: 0,
};
