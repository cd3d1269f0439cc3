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
    `All ${limit} sessions of this installation are open. Try again later, or raise maxOpenSessions.`,
  maxOpenSessionsPerUser: (limit, userId) =>
    userId === null
      ? `Callers without a user id, who count as one user, have ${limit} sessions open, which is all they may have. End one, pass a user id, or raise maxOpenSessionsPerUser.`
      : `This user has ${limit} sessions open, which is all a user may have. End one, or raise maxOpenSessionsPerUser.`,
  maxResidentSandboxes: (limit) =>
    `All ${limit} sandboxes that may be awake in this installation are in use. Try again later, or raise maxResidentSandboxes.`,
  maxResidentSandboxesPerUser: (limit, userId) =>
    userId === null
      ? `Callers without a user id, who count as one user, work in ${limit} sandboxes, which is all that may be awake for them. Wait until one is idle, pass a user id, or raise maxResidentSandboxesPerUser.`
      : `This user works in ${limit} sandboxes, which is all that may be awake for one user. Wait until one is idle, or raise maxResidentSandboxesPerUser.`,
};

/** Tells a caller which ceiling was reached. @param userId the caller's; `null`: the caller has none */
export function capacityError(
  ceiling: Ceiling,
  settings: ManagerSettings,
  userId: string | null,
): SandboxError {
  const opens = ceiling === "maxOpenSessions" || ceiling === "maxOpenSessionsPerUser";
  return new SandboxError({
    code: "capacity",
    message: SENTENCES[ceiling](settings[ceiling], userId),
    retryAfterMs: opens ? OPEN_RETRY_MS : RESIDENT_RETRY_MS,
  });
}
