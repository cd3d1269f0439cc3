import type { WireOpeningEvent, WireSession, WireStartProgress } from "@carrel/server";
import { ApiError, networkError } from "./api-error.ts";
import { client } from "./client.ts";
import { readEvents } from "./event-stream.ts";
import { openStream } from "./request.ts";

/** A start may tell nothing for as long as the server gives one: its queue, a pull, an engine that hangs. */
const OPENING_SILENCE_MS = 10 * 60_000;

export interface OpeningOptions {
  /** Where it fires before the session is open, the server opens none. */
  signal: AbortSignal;
  onProgress: (progress: WireStartProgress) => void;
}

/** Open a session and start its sandbox. Resolves to the session's id. */
export async function createSession(
  userId: string,
  { signal, onProgress }: OpeningOptions,
): Promise<string> {
  const query = new URLSearchParams({ user_id: userId });
  const response = await openStream(`/sessions?${query.toString()}`, {
    method: "POST",
    headers: { accept: "text/event-stream" },
    signal,
  });
  if (!response.body) throw networkError("The server's answer has no content.");
  for await (const portion of readEvents(response.body, OPENING_SILENCE_MS)) {
    for (const received of portion) {
      const { event, data } = received as unknown as WireOpeningEvent;
      if (event === "session-opened") return data.session_id;
      if (event === "error") throw new ApiError({ ...data, status: null });
      onProgress(data);
    }
  }
  throw networkError("The connection was lost before the session was open.");
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
