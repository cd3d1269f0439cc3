import { expect, test } from "vitest";
import { readEvents } from "./event-stream.ts";
import type { ReceivedEvent } from "./event-stream.ts";

const STREAM = [
  ": heartbeat\n\n",
  'id: 1\nevent: turn-start\ndata: {"turn_id":"t","message":"héllo"}\n\n',
  'id: 2\nevent: text-delta\ndata: {"text":"a\\nb"}\n\n',
  'id: 3\nevent: turn-end\ndata: {"outcome":"completed"}\n\n',
].join("");

const EVENTS: ReceivedEvent[] = [
  { id: 1, event: "turn-start", data: { turn_id: "t", message: "héllo" } },
  { id: 2, event: "text-delta", data: { text: "a\nb" } },
  { id: 3, event: "turn-end", data: { outcome: "completed" } },
];

function streamOf(chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<ReceivedEvent[]> {
  const events: ReceivedEvent[] = [];
  for await (const portion of readEvents(stream)) events.push(...portion);
  return events;
}

test("events arrive whole however the bytes are cut", async () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let size = 1; size <= bytes.length; size += 7) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
    expect(await collect(streamOf(chunks))).toEqual(EVENTS);
  }
});

test("a stream that is cut at any byte gives the events that were complete", async () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let end = 0; end < bytes.length; end += 1) {
    const events = await collect(streamOf([bytes.slice(0, end)]));
    expect(EVENTS.slice(0, events.length)).toEqual(events);
  }
});

test("a connection that breaks is a network error", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new TypeError("network error"));
    },
  });
  await expect(collect(broken)).rejects.toMatchObject({ code: "network" });
});

test("a stream that falls silent is given up", async () => {
  let cancelled = false;
  const silent = new ReadableStream<Uint8Array>({
    cancel() {
      cancelled = true;
    },
  });
  const events: ReceivedEvent[] = [];
  for await (const portion of readEvents(silent, 20)) events.push(...portion);
  expect(events).toEqual([]);
  expect(cancelled).toBe(true);
});

test("an event without a number cannot be placed in the turn", async () => {
  const stream = streamOf([new TextEncoder().encode("event: text-delta\ndata: {}\n\n")]);
  await expect(collect(stream)).rejects.toMatchObject({ code: "network" });
});

test("readEvents: data that is no JSON is a broken stream", async () => {
  const stream = streamOf([new TextEncoder().encode("id: 1\nevent: text-delta\ndata: {\n\n")]);
  await expect(collect(stream)).rejects.toMatchObject({ code: "network" });
});
