import { SandboxError } from "@carrel/backend-protocol";
import type { ManagerSettings } from "./session-manager-options.ts";
import type { OpenCeilings, ResidentCeilings } from "./session-store.ts";

type Ceiling = keyof (OpenCeilings & ResidentCeilings);

// Open sessions end when their users end them, and sandboxes become idle when their users rest:
// nobody can foresee either, but the second comes sooner.
const OPEN_RETRY_MS = 30_000;
const RESIDENT_RETRY_MS = 5000;

const SENTENCES: Readonly<Record<Ceiling, (limit: number, userId: string | null) => string>> = {
  maxOpenSessions: (limit) =>
    `This installation has as many open sessions as it may have (${limit}). Try again later`,
  maxOpenSessionsPerUser: (limit, userId) =>
    userId === null
      ? `Callers without a user id, who count as one user, have as many open sessions as one user may have (${limit}). End a session that is no longer needed, or pass a user id`
      : `This user has as many open sessions as one user may have (${limit}). End a session that is no longer needed`,
  maxResidentSandboxes: (limit) =>
    `This installation has as many sandboxes in use as may be awake (${limit}). Try again later`,
  maxResidentSandboxesPerUser: (limit, userId) =>
    userId === null
      ? `Callers without a user id, who count as one user, work in as many sandboxes as may be awake for one user (${limit}). Wait until one of them is idle, or pass a user id`
      : `This user works in as many sandboxes as may be awake for one user (${limit}). Wait until one of them is idle`,
};

/**
 * Completes the message of a limit: after what its reader can do comes what the operator can. The name of
 * the option is also the error's `setting`, so that a server can put another name in its place.
 */
export function limitMessage(sentence: string, setting: string): string {
  return `${sentence}; the operator of the server can raise ${setting}.`;
}

/** Tells a caller which ceiling was reached. @param userId the caller's; `null`: the caller has none */
export function capacityError(
  ceiling: Ceiling,
  settings: ManagerSettings,
  userId: string | null,
): SandboxError {
  const opens = ceiling === "maxOpenSessions" || ceiling === "maxOpenSessionsPerUser";
  return new SandboxError({
    code: "capacity",
    message: limitMessage(SENTENCES[ceiling](settings[ceiling], userId), ceiling),
    setting: ceiling,
    retryAfterMs: opens ? OPEN_RETRY_MS : RESIDENT_RETRY_MS,
  });
}
