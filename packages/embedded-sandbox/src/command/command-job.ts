import type { Mount } from "../mounts.ts";

/** What a worker thread needs to run one command. */
export interface CommandJob {
  command: string;
  cwd: string;
  env: Record<string, string>;
  stdin: Uint8Array;
  mounts: readonly Mount[];
  /** The worker sends this much output and then asks to be stopped. */
  maxOutputBytes: number;
}

/** What it says while it does so; `exit` and `output-limit` are its last words. */
export type CommandMessage =
  | { type: "output"; stream: "stdout" | "stderr"; data: Uint8Array }
  | { type: "output-limit" }
  | { type: "exit"; exitCode: number };
