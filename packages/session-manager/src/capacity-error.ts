import { SandboxError } from "@carrel/backend-protocol";
import type { ManagerSettings } from "./session-manager-options.ts";
import type { OpenCeilings, ResidentCeilings } from "./session-store.ts";

// Open sessions end when their users end them, and sandboxes become idle when their users rest:
// nobody can foresee either, but the second comes sooner.
const OPEN_RETRY_MS = 30_000;
const RESIDENT_RETRY_MS = 5000;

const SENTENCES: Readonly<
  Record<keyof (OpenCeilings & ResidentCeilings), (limit: number) => string>
> = {
  maxOpenSessions: (limit) => `All ${limit} sessions are open. End one, or try again later.`,
  maxOpenSessionsPerUser: (limit) =>
    `This user has all of ${limit} sessions open. End one, or try again later.`,
  maxResidentSandboxes: (limit) =>
    `All ${limit} sandboxes that may be awake are in use. Try again later.`,
  maxResidentSandboxesPerUser: (limit) =>
    `All ${limit} sandboxes of this user that may be awake are in use. Try again later.`,
};

/** What a caller hears who is over a ceiling. */
export function capacityError(
  ceiling: keyof (OpenCeilings & ResidentCeilings),
  settings: ManagerSettings,
): SandboxError {
  const opens = ceiling === "maxOpenSessions" || ceiling === "maxOpenSessionsPerUser";
  return new SandboxError({
    code: "capacity",
    message: SENTENCES[ceiling](settings[ceiling]),
    retryAfterMs: opens ? OPEN_RETRY_MS : RESIDENT_RETRY_MS,
  });
}
