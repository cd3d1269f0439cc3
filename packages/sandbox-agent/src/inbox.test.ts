import { describe, expect, it } from "vitest";
import { Inbox } from "./inbox.ts";
import type { Item } from "./inbox.ts";
import { heldBufferBytes } from "./testing/held-memory.ts";
import { Random } from "./testing/random.ts";

const KIBIBYTE = 1024;
const MEBIBYTE = KIBIBYTE * KIBIBYTE;

function data(content: string | Buffer): Item {
  return { type: "data", payload: Buffer.from(content) };
}

function event(content: string): Item {
  return { type: "event", payload: Buffer.from(content) };
}

function readAll(inbox: Inbox): Item[] {
  const items: Item[] = [];
  for (let item = inbox.shift(); item; item = inbox.shift()) items.push(item);
  return items;
}

describe("an inbox", () => {
  it("gives a body as it came, whatever is read in between", () => {
    const random = new Random(5);
    for (let round = 0; round < 100; round++) {
      const body = random.bytes(random.pick([10, 1000, 30_000]));
      const inbox = new Inbox({ joins: true });
      const read: Item[] = [];
      for (const piece of random.cut(body, random.pick([10, 500, 10_000]))) {
        inbox.add(data(piece));
        const item = random.below(4) === 0 ? inbox.shift() : undefined;
        if (item) read.push(item);
      }
      read.push(...readAll(inbox));
      expect(Buffer.concat(read.map(({ payload }) => payload)).equals(body)).toBe(true);
      expect(inbox.empty).toBe(true);
    }
  });

  it("joins data, but not over an event", () => {
    const inbox = new Inbox({ joins: true });
    for (const item of [data("a"), data("b"), event("{}"), data("c"), data("d")]) inbox.add(item);
    expect(readAll(inbox)).toEqual([data("ab"), event("{}"), data("cd")]);
  });

  it("keeps the pieces of an output stream apart", () => {
    const inbox = new Inbox({ joins: false });
    for (const item of [data("a"), data("b")]) inbox.add(item);
    expect(readAll(inbox)).toEqual([data("a"), data("b")]);
  });

  it("does not hold on to what was read while more keeps coming", () => {
    const held = heldBufferBytes(() => {
      const inbox = new Inbox({ joins: true });
      inbox.add(data(Buffer.alloc(32 * KIBIBYTE)));
      for (let pieces = 0; pieces < 500; pieces++) {
        inbox.add(data(Buffer.alloc(32 * KIBIBYTE)));
        inbox.shift();
      }
      return inbox;
    });
    expect(held).toBeLessThan(MEBIBYTE);
  });

  it.each([
    ["single bytes", (): Item[] => [data("x")]],
    ["single bytes and large pieces", (): Item[] => [data("x"), data(Buffer.alloc(4097))]],
    ["single bytes between events", (): Item[] => [data("x"), data("y"), event("{}")]],
  ])("takes little more memory than what it holds: %s", (_, pattern) => {
    let bytes = 0;
    const held = heldBufferBytes(() => {
      const inbox = new Inbox({ joins: true });
      for (let rounds = 0; rounds < 30_000 && bytes < MEBIBYTE; rounds++) {
        for (const item of pattern()) {
          bytes += item.payload.length;
          inbox.add(item);
        }
      }
      return inbox;
    });
    // What very small pieces cost beyond their bytes is a few megabytes in a whole window.
    expect(held).toBeLessThan(3 * bytes + 2 * MEBIBYTE);
  });

  it("keeps nothing of the memory in which a small piece came", () => {
    const held = heldBufferBytes(() => {
      const inbox = new Inbox({ joins: true });
      for (let events = 0; events < 50; events++) {
        const chunk = Buffer.alloc(64 * KIBIBYTE);
        inbox.add({ type: "event", payload: chunk.subarray(100, 200) });
      }
      return inbox;
    });
    expect(held).toBeLessThan(MEBIBYTE);
  });

  it("refuses more events than anybody could mean", () => {
    const inbox = new Inbox({ joins: true });
    let events = 0;
    while (events < 100_000 && inbox.add(event("{}"))) events++;
    expect(events).toBe(40_000);
    inbox.clear();
    expect(inbox.add(event("{}"))).toBe(true);
  });
});
