import { setTimeout as sleep } from "node:timers/promises";
import { SandboxError } from "@carrel/backend-protocol";
import type { FileStore } from "../workspace/file-store.ts";
import type { Containers } from "./containers.ts";

/**
 * How often a name is tried. The engine takes it before it has the container, by as much as it takes
 * to make one, which is seconds under load. The pause doubles, up to a second.
 */
export const NAME_ATTEMPTS = 36;
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1000;

/** @param attempt from 1 */
export async function pauseForName(attempt: number): Promise<void> {
  await sleep(Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
}

/**
 * A container that somebody renamed is not found any more, and may still run on the key's files: there
 * must not be a second one.
 * @throws `unavailable`
 */
export async function requireNoStray(
  containers: Containers,
  files: FileStore,
  { keyHash, signal }: { keyHash: string; signal: AbortSignal | undefined },
): Promise<void> {
  const label = await files.labelOfHolder(keyHash);
  if (label === null) return;
  const [stray] = await containers.strayed(keyHash, label, signal);
  if (stray === undefined) return;
  throw new SandboxError({
    code: "unavailable",
    message: `The container ${stray} has the files of this key, and another name than Carrel gave it; rename it to ${containers.nameOf(keyHash)}, or remove it.`,
  });
}

export function nameTaken(cause: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message:
      "The engine has a name for this key's sandbox and no container of that name; try again, or restart the engine where that lasts.",
    cause,
  });
}

export function alreadyExists(cause: unknown): SandboxError {
  return new SandboxError({
    code: "already-exists",
    message: "This key has a sandbox already; find it instead of creating it.",
    cause,
  });
}
