import { describe, expect, it } from "vitest";
import { SandboxError } from "@carrel/backend-protocol";
import { Impersonator } from "./impersonator.ts";

const COMMAND_TIMEOUT_MS = 500;
/** What the client gives an agent to stop a process, and what a busy machine may add. */
const DEADLINE_MS = COMMAND_TIMEOUT_MS + 15_000 + 5000;
const TEST_TIMEOUT_MS = 60_000;

/** Nobody gives these up: each ends by the deadline that its command has. */
const CASES = {
  R1: "never-ends",
  R2: "kill-unanswered",
  R3: "kill-fails",
  R4: "begins-then-silent",
  R5: "output-flood",
  R6: "output-tiny-chunks-unended",
  R7: "reconnect-storm",
  R8: "window-as-life",
};

describe.concurrent("R: deadlines", { timeout: TEST_TIMEOUT_MS }, () => {
  it.for(Object.entries(CASES))(
    "%s %s: a command ends by its own deadline",
    async ([, misdeed]) => {
      await using impersonator = new Impersonator({ misdeed });
      const begunMs = performance.now();
      const end = await impersonator.sandbox
        .execute("true", { timeoutMs: COMMAND_TIMEOUT_MS, ...startDeadline(misdeed) })
        .then(
          ({ outcome }) => outcome,
          (error: unknown) => (SandboxError.isInstance(error) ? error.code : String(error)),
        );
      expect(["lost", "unavailable", "aborted"]).toContain(end);
      expect(performance.now() - begunMs).toBeLessThan(DEADLINE_MS);
    },
  );
});

/** One that does not begin has a minute, which is too long for a test. */
function startDeadline(misdeed: string): { signal?: AbortSignal } {
  return misdeed === CASES.R8 ? { signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) } : {};
}
