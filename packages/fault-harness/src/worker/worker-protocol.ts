import type { SessionManagerOptions } from "@carrel/session-manager";
import type { Operation } from "../history/history.ts";

/** What a worker is to be; its only argument, as JSON. */
export interface WorkerConfiguration {
  provider: "docker" | "embedded";
  /** In the form of `DOCKER_HOST`; with `docker`. */
  engineHost?: string;
  image?: string;
  workspaceRoot: string;
  /** For `openSessionStore`. */
  databaseUrl: string;
  /** Sandboxes kept warm; with `docker`. @default 0 */
  warm?: number;
  /** For the session manager. */
  manager?: Omit<SessionManagerOptions, "provider" | "store" | "clock">;
  /** No other worker of the installation lives when it starts. @default false */
  alone?: boolean;
  /** Pause between two passes of clean-up. @default 5000 */
  cleanupIntervalMs?: number;
  /** End by SIGKILL at the n-th step that writes to the store, from 1: before it, or after it was written. */
  killAtStoreWrite?: { nth: number; when: "before" | "after" };
}

/**
 * `figures` tells what the worker holds, `acquire-times` how long `getOrCreate` takes for a user who has
 * a live session; `shutdown` ends it in order.
 */
export type WorkerOperation =
  | Operation
  | { name: "figures" }
  | { name: "acquire-times" }
  | { name: "shutdown" };

/** One line of JSON on the worker's standard input. */
export interface WorkerRequest {
  id: number;
  key: string;
  deadlineMs: number;
  operation: WorkerOperation;
}

export type WorkerValue = string | string[] | null;

/** One line of JSON on its standard output. */
export type WorkerAnswer =
  | { event: "ready" }
  /** What was left by others was looked through. */
  | { event: "recovered" }
  | { id: number; ok: true; value: WorkerValue }
  | { id: number; ok: false; error: WorkerError };

export interface WorkerError {
  /** `null`: it is no `SandboxError`. */
  code: string | null;
  name: string;
  message: string;
}
