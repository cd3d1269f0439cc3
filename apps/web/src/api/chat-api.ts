import type { WireMessageList } from "@carrel/server";
import { readEvents } from "./event-stream.ts";
import type { ReceivedEvent } from "./event-stream.ts";
import { networkError } from "./api-error.ts";
import { openStream, request } from "./request.ts";

/** Events in the portions in which they arrive. Ends when the connection does. */
export type EventPortions = AsyncIterable<readonly ReceivedEvent[]>;

/** The chat of one session, as the server offers it. Everything throws `ApiError`. */
export interface ChatApi {
  messages(signal: AbortSignal): Promise<WireMessageList>;
  /** Resolves once the server has taken the message; then come the events of its turn. */
  send(message: string, signal: AbortSignal): Promise<EventPortions>;
  /**
   * The events of the turn that runs or ran last.
   *
   * @param after number of the last event that is known, 0 for none
   * @returns `null` where there was no turn
   */
  events(after: number, signal: AbortSignal): Promise<EventPortions | null>;
  /** Whether a turn was running. */
  cancel(signal: AbortSignal): Promise<boolean>;
}

export function createChatApi(sessionId: string): ChatApi {
  const base = `/sessions/${encodeURIComponent(sessionId)}`;
  return {
    async messages(signal) {
      const response = await request(`${base}/messages`, { signal });
      return (await response.json()) as WireMessageList;
    },
    async send(message, signal) {
      const response = await openStream(`${base}/chat`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "text/event-stream" },
        body: JSON.stringify({ message }),
        signal,
      });
      return portionsOf(response);
    },
    async events(after, signal) {
      const response = await openStream(`${base}/chat/events?after=${after}`, {
        headers: { accept: "text/event-stream" },
        signal,
      });
      return response.status === 204 ? null : portionsOf(response);
    },
    async cancel(signal) {
      const response = await request(`${base}/chat/cancel`, { method: "POST", signal });
      const { cancelled } = (await response.json()) as { cancelled: boolean };
      return cancelled;
    },
  };
}

function portionsOf(response: Response): EventPortions {
  if (!response.body) throw networkError("The server's answer has no content.");
  return readEvents(response.body);
}
