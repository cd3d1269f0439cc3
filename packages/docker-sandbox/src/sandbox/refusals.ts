import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxStatus } from "@carrel/backend-protocol";
import type { FoundContainer } from "../container/found-container.ts";

/** Of a program that ended by SIGKILL, in the engine's words. */
const KILLED = 137;

export function unreachable(cause: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The engine says that this sandbox runs, and lets nobody reach into it; try again.",
    cause,
  });
}

export function refusalOf(status: SandboxStatus): SandboxError {
  if (status === "gone") {
    return new SandboxError({ code: "gone", message: "This sandbox no longer exists." });
  }
  if (status === "stopped") return stopped(null);
  return new SandboxError({
    code: "unavailable",
    message: `This sandbox is ${status}; resume it first.`,
  });
}

/** Where nobody stopped it, why it did. */
export function stopped(found: FoundContainer | null): SandboxError {
  const { exitCode = 0, outOfMemory = false } = found?.ending ?? {};
  // The engine says `outOfMemory` for good once a program of the sandbox was killed for it.
  const how = outOfMemory
    ? "ended because its memory was used up"
    : "was ended from outside, or for want of memory on its machine";
  const why = exitCode === KILLED ? how : "is stopped";
  return new SandboxError({
    code: "unavailable",
    message: `This sandbox ${why}; resume it first. Its files are kept.`,
  });
}
