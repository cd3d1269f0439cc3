import type { WireSession } from "@carrel/server";
import { ApiError } from "./api-error.ts";
import { client } from "./client.ts";

export async function createSession(userId: string): Promise<string> {
  const response = await client.sessions.$post({ query: { user_id: userId } });
  const { session_id: sessionId } = await response.json();
  return sessionId;
}

/** `null` where there is no such session any more. */
export async function findSession(
  sessionId: string,
  signal: AbortSignal,
): Promise<WireSession | null> {
  try {
    const param = { session_id: sessionId };
    const response = await client.sessions[":session_id"].$get({ param }, { init: { signal } });
    return await response.json();
  } catch (error) {
    if (error instanceof ApiError && error.isMissing) return null;
    throw error;
  }
}

/** One that has ended already is fine. */
export async function endSession(sessionId: string): Promise<void> {
  try {
    await client.sessions[":session_id"].$delete({ param: { session_id: sessionId } });
  } catch (error) {
    if (!(error instanceof ApiError && error.isMissing)) throw error;
  }
}
