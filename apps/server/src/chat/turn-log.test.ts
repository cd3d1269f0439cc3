import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import type { WireChatEvent } from "../wire/chat.ts";
import { MAX_OUTPUT_BYTES, MAX_TURN_BYTES, TurnLog } from "./turn-log.ts";

const text = (value: string): WireChatEvent => ({ event: "text-delta", data: { text: value } });
const output = (id: string, value: string): WireChatEvent => ({
  event: "tool-output",
  data: { id, text: value },
});
const call = (id: string): WireChatEvent => ({
  event: "tool-call",
  data: { id, name: "execute", args: {} },
});
const end: WireChatEvent = {
  event: "turn-end",
  data: { outcome: "completed", response: "", session_id: "s" },
};

function readAll(log: TurnLog, after = 0): unknown[] {
  return log.read(after, Infinity).map(({ id, event }) => [id, event.event, event.data]);
}

describe("the log of a turn", () => {
  it("numbers its events from 1 and gives those after an id", () => {
    const log = new TurnLog();
    for (const event of [call("a"), call("b"), end]) log.append(event);
    expect(readAll(log).map((entry) => (entry as unknown[])[0])).toEqual([1, 2, 3]);
    expect(log.read(2, Infinity)).toEqual([{ id: 3, event: end }]);
    expect(log.read(3, Infinity)).toEqual([]);
    expect(log.ended).toBe(true);
  });

  it("joins texts until somebody read them, and never after", () => {
    const log = new TurnLog();
    log.append(text("a"));
    log.append(text("b"));
    expect(readAll(log)).toEqual([[1, "text-delta", { text: "ab" }]]);
    log.append(text("c"));
    log.append(text("d"));
    expect(readAll(log)).toEqual([
      [1, "text-delta", { text: "ab" }],
      [2, "text-delta", { text: "cd" }],
    ]);
  });

  it("joins the output of commands that write in turns, each with its own", () => {
    const log = new TurnLog();
    for (const event of [output("a", "1"), output("b", "x"), output("a", "2"), output("b", "y")]) {
      log.append(event);
    }
    expect(readAll(log)).toEqual([
      [1, "tool-output", { id: "a", text: "12" }],
      [2, "tool-output", { id: "b", text: "xy" }],
    ]);
  });

  it("has what each command wrote, the latest of what is too much", () => {
    const log = new TurnLog();
    for (const event of [output("a", "12"), output("b", "xy"), output("a", "34")])
      log.append(event);
    expect(log.outputOf("a", 100)).toEqual({ text: "1234", cut: false });
    expect(log.outputOf("a", 3)).toEqual({ text: "234", cut: true });
    expect(log.outputOf("none", 3)).toEqual({ text: "", cut: false });
    for (let written = 0; written <= MAX_OUTPUT_BYTES; written += 10_000) {
      log.append(output("b", "z".repeat(10_000)));
      log.read(0, Infinity);
    }
    expect(log.outputOf("a", 100)).toEqual({ text: "", cut: true });
  });

  it("does not join over another event", () => {
    const log = new TurnLog();
    for (const event of [text("a"), call("x"), text("b")]) log.append(event);
    expect(readAll(log)).toHaveLength(3);
  });

  it("gives a batch of about the size that is asked for, and at least one event", () => {
    const log = new TurnLog();
    for (let index = 0; index < 5; index++) {
      log.append(call(String(index)));
      log.append(text("x".repeat(100)));
    }
    const sizes = [];
    for (let after = 0; after < 10;) {
      const batch = log.read(after, 150);
      sizes.push(batch.length);
      after = batch.at(-1)?.id ?? Infinity;
    }
    expect(sizes.reduce((sum, size) => sum + size)).toBe(10);
    expect(Math.max(...sizes)).toBeLessThan(5);
    expect(log.read(0, 1)).toHaveLength(1);
  });

  it("drops the oldest output of commands beyond its bound, and nothing else", () => {
    const log = new TurnLog();
    log.append(call("a"));
    const piece = "x".repeat(16 * 1024);
    const pieces = (3 * MAX_OUTPUT_BYTES) / piece.length;
    for (let index = 0; index < pieces; index++) log.append(output("a", piece));
    log.append(end);
    const events = log.read(0, Infinity);
    expect(events[0]).toEqual({ id: 1, event: call("a") });
    expect(events.at(-1)).toEqual({ id: pieces + 2, event: end });
    expect(log.sizeBytes).toBeLessThan(1.1 * MAX_OUTPUT_BYTES);
    expect(events.length).toBeLessThan(pieces / 2);
    expect(events.map(({ id }) => id)).toEqual(
      events.map(({ id }) => id).toSorted((a, b) => a - b),
    );
  });

  it("refuses a turn without bounds once, and then takes its end", () => {
    const log = new TurnLog();
    const piece = text("x".repeat(1024 * 1024));
    const overflow = (): void => {
      for (let index = 0; index < 2 * (MAX_TURN_BYTES / (1024 * 1024)); index++) log.append(piece);
    };
    expect(overflow).toThrow(
      expect.objectContaining({ code: "too-large" } satisfies Partial<SandboxError>),
    );
    log.append(end);
    expect(log.ended).toBe(true);
    expect(log.sizeBytes).toBeLessThan(1.2 * MAX_TURN_BYTES);
  });

  it("counts what events cost, also if they have next to no text", () => {
    const log = new TurnLog();
    for (let index = 0; index < 10_000; index++) {
      log.append(output("a", "x"));
      // Nothing is joined once it was read.
      log.read(log.lastId - 1, Infinity);
    }
    expect(log.sizeBytes).toBeGreaterThan(10_000 * 100);
    for (let index = 0; index < 50_000; index++) {
      log.append(output("a", "x"));
      log.read(log.lastId - 1, Infinity);
    }
    expect(log.sizeBytes).toBeLessThanOrEqual(1.1 * MAX_OUTPUT_BYTES);
  });

  it("keeps a text that came in single characters as one piece", () => {
    const log = new TurnLog();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < MAX_OUTPUT_BYTES / 2; index++) log.append(output("a", "x"));
    const kept = process.memoryUsage().heapUsed - before;
    expect(log.outputOf("a", Infinity).text).toBe("x".repeat(MAX_OUTPUT_BYTES / 2));
    expect(kept).toBeLessThan(10 * MAX_OUTPUT_BYTES);
  });

  it("takes nothing after its end", () => {
    const log = new TurnLog();
    log.append(end);
    log.append(text("late"));
    expect(log.lastId).toBe(1);
  });

  it("wakes readers for every kind of event", async () => {
    const log = new TurnLog();
    for (const event of [call("a"), text("t"), output("a", "o"), end]) {
      const changed = log.changed();
      log.append(event);
      await changed;
    }
  });
});
