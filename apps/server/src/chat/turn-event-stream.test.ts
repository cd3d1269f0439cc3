import { describe, expect, it } from "vitest";
import type { WireChatEvent } from "../wire/chat.ts";
import { turnEventStream } from "./turn-event-stream.ts";
import { TurnLog } from "./turn-log.ts";

const events: WireChatEvent[] = [
  { event: "turn-start", data: { turn_id: "t", message: "two\nlines" } },
  { event: "text-delta", data: { text: "one" } },
  { event: "tool-call", data: { id: "c", name: "ls", args: {} } },
  {
    event: "tool-result",
    data: { id: "c", status: "success", content: "data: x\n\n", detail: null },
  },
  { event: "text-delta", data: { text: "\u2028 end" } },
  { event: "turn-end", data: { outcome: "completed", response: "end", session_id: "s" } },
];

function filledLog(): TurnLog {
  const log = new TurnLog();
  for (const event of events) log.append(event);
  return log;
}

describe("the event stream of a turn", () => {
  it("is lines of server-sent events, and ends with the turn", async () => {
    const body = await new Response(turnEventStream(filledLog(), { after: 0 })).text();
    expect(body.split("\n\n").slice(0, -1)).toEqual(
      events.map(
        ({ event, data }, index) =>
          `id: ${index + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}`,
      ),
    );
  });

  it("gives the same events again from every point", async () => {
    const log = filledLog();
    const whole = await new Response(turnEventStream(log, { after: 0 })).text();
    const frames = whole.split("\n\n");
    for (let after = 0; after <= events.length; after++) {
      const rest = await new Response(turnEventStream(log, { after })).text();
      expect(rest).toBe(frames.slice(after).join("\n\n"));
    }
  });

  it("sends what comes while it is read", async () => {
    const log = new TurnLog();
    const reader = turnEventStream(log, { after: 0 })
      .pipeThrough(new TextDecoderStream())
      .getReader();
    for (const event of events) {
      const next = reader.read();
      log.append(event);
      expect((await next).value).toContain(JSON.stringify(event.data));
    }
    expect((await reader.read()).done).toBe(true);
  });

  it("says that it lives while nothing happens", async () => {
    const log = new TurnLog();
    const stream = turnEventStream(log, { after: 0, heartbeatMs: 10 });
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toMatch(/^:.*\n\n$/);
    expect((await reader.read()).value).toMatch(/^:/);
    await reader.cancel();
  });

  it("keeps nothing for a reader who does not read", async () => {
    const log = new TurnLog();
    const stream = turnEventStream(log, { after: 0 });
    for (let index = 0; index < 1000; index++) {
      log.append({ event: "text-delta", data: { text: "x".repeat(100) } });
    }
    expect(log.lastId).toBeLessThan(20);
    await stream.cancel();
  });

  it("writes an event of any size in pieces", async () => {
    const log = new TurnLog();
    const content = "😀\n".repeat(2_000_000);
    log.append({
      event: "tool-result",
      data: { id: "c", status: "success", content, detail: null },
    });
    log.append({
      event: "turn-end",
      data: { outcome: "completed", response: "", session_id: "s" },
    });
    let text = "";
    const sizes: number[] = [];
    for await (const piece of turnEventStream(log, { after: 0 })) {
      sizes.push(piece.byteLength);
      text += Buffer.from(piece).toString("latin1");
    }
    expect(Math.max(...sizes)).toBeLessThan(512 * 1024);
    const [first = "", second = ""] = Buffer.from(text, "latin1").toString().split("\n\n");
    expect(JSON.parse(first.slice(first.indexOf("data: ") + 6))).toMatchObject({ content });
    expect(second).toMatch(/^id: 2\nevent: turn-end/);
  });

  it("ends at once for a reader who leaves", async () => {
    const log = new TurnLog();
    const reader = turnEventStream(log, { after: 0 }).getReader();
    const next = reader.read();
    await reader.cancel();
    expect((await next).done).toBe(true);
  });
});
