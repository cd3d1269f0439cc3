import { z } from "@hono/zod-openapi";
import { SandboxError } from "@carrel/backend-protocol";
import type { SessionManager } from "@carrel/session-manager";

export const sessionParameter = z.object({
  session_id: z.string(),
});

/** For routes that need the session but not its sandbox, which so is not woken. */
export function requireSession(manager: SessionManager, sessionId: string): void {
  if (manager.has(sessionId)) return;
  throw unknownSession();
}

/** Does not repeat the id: whoever has one that exists can use it. */
export function unknownSession(): SandboxError {
  return new SandboxError({
    code: "not-found",
    message: "There is no such session. It may have ended: create a new one with POST /sessions.",
  });
}
