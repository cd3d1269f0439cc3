import { z } from "@hono/zod-openapi";
import { SandboxError } from "@carrel/backend-protocol";
import type { Sandbox } from "@carrel/backend-protocol";
import type { SessionInfo, SessionManager } from "@carrel/session-manager";

export const sessionParameter = z.object({
  session_id: z.string(),
});

/** For routes that need the session but not its sandbox, which so is not woken. */
export async function requireSession(
  manager: SessionManager,
  sessionId: string,
): Promise<SessionInfo> {
  const session = await manager.find(sessionId);
  if (session === null) throw unknownSession();
  return session;
}

/**
 * The session's sandbox, awake.
 * @throws `not-found` as {@link requireSession} does, and what the manager throws
 */
export async function openSandbox(manager: SessionManager, sessionId: string): Promise<Sandbox> {
  try {
    return await manager.getSession(sessionId);
  } catch (error) {
    throw SandboxError.isInstance(error) && error.code === "not-found" ? unknownSession() : error;
  }
}

/** Does not repeat the id: whoever has one that exists can use it. */
export function unknownSession(): SandboxError {
  return new SandboxError({
    code: "not-found",
    message: "There is no such session. It may have ended: create a new one with POST /sessions.",
  });
}
