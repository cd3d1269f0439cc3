import type { WireChatEvent } from "../../src/wire/chat.ts";

export type ReceivedEvent = WireChatEvent & { id: number };

/** The events of a stream of server-sent events. To leave the loop early closes the stream. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ReceivedEvent, void, undefined> {
  let text = "";
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const event = parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event !== null) yield event;
    }
  }
}

export async function allEvents(events: AsyncIterable<ReceivedEvent>): Promise<ReceivedEvent[]> {
  const all: ReceivedEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** What the agent said. */
export function textOf(events: readonly ReceivedEvent[]): string {
  return events.map(({ event, data }) => (event === "text-delta" ? data.text : "")).join("");
}

function parseEvent(block: string): ReceivedEvent | null {
  const fields = new Map(
    block.split("\n").map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    }),
  );
  const event = fields.get("event");
  if (event === undefined) return null;
  const data: unknown = JSON.parse(fields.get("data") ?? "null");
  return { id: Number(fields.get("id")), event, data } as ReceivedEvent;
}
