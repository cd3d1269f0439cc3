import type { ProcessResult } from "@carrel/backend-protocol";

const LONG_MS = 2000;

export interface CommandLimits {
  timeoutMs: number;
  maxOutputBytes: number;
}

/** How a command ended, and where it did not end well, what to do. */
export function describeOutcome(
  { outcome, exitCode, signal, truncated, durationMs }: ProcessResult,
  { timeoutMs, maxOutputBytes }: CommandLimits,
): string {
  const took = durationMs >= LONG_MS ? `, after ${(durationMs / 1000).toFixed(1)} s` : "";
  switch (outcome) {
    case "exited":
      return `exit code ${exitCode}${took}${truncated ? "; some of the output was dropped" : ""}`;
    case "signaled":
      return `killed by ${signal ?? "a signal"}${took}`;
    case "timed-out":
      return `stopped: it ran for ${timeoutMs / 1000} s without ending. Allow it more with timeout_seconds, or give it less to do`;
    case "output-limit":
      return `stopped: it printed more than ${maxOutputBytes / 1024 / 1024} MiB${took}. Send the output to a file and read parts of it`;
    case "out-of-memory":
      return `stopped: the sandbox's memory was used up${took}. Work with less data at once`;
    case "cancelled":
      return `stopped from outside${took}, before it ended`;
    case "lost":
      return `lost: the sandbox ended or cannot be reached${took}, so nobody knows how far it got. Check what it did before you run it again`;
  }
}
