import { createParser } from "eventsource-parser";
import { networkError } from "./api-error.ts";

/** One event of a turn as it arrived; `data` has the shape that its name says. */
export interface ReceivedEvent {
  id: number;
  event: string;
  data: unknown;
}

/** Three of the server's heartbeats. A stream that is silent for longer has lost its connection. */
const SILENCE_MS = 45_000;

/**
 * The events of a stream, in the portions in which they arrived. Ends when the stream does, also
 * where its connection broke.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number = SILENCE_MS,
): AsyncGenerator<ReceivedEvent[]> {
  let received: ReceivedEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => received.push(parseEvent(id, event, data)),
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const chunk = await readOrGiveUp(reader, silenceMs);
      if (chunk === null) return;
      parser.feed(decoder.decode(chunk, { stream: true }));
      if (received.length > 0) yield received;
      received = [];
    }
  } finally {
    // Cancelling a stream that already failed rejects with that same failure.
    await reader.cancel().catch(() => {});
  }
}

async function readOrGiveUp(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  silenceMs: number,
): Promise<Uint8Array | null> {
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), silenceMs);
  try {
    const { done, value } = await reader.read();
    return done ? null : value;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw networkError("The connection was lost.", error);
  } finally {
    clearTimeout(timer);
  }
}

function parseEvent(
  id: string | undefined,
  event: string | undefined,
  data: string,
): ReceivedEvent {
  const number = Number(id);
  if (!Number.isSafeInteger(number) || number < 1) {
    throw networkError(`The stream has an event without a number: ${JSON.stringify(id)}.`);
  }
  try {
    return { id: number, event: event ?? "message", data: JSON.parse(data) as unknown };
  } catch (error) {
    throw networkError(`The event ${number} of the stream is no JSON.`, error);
  }
}
