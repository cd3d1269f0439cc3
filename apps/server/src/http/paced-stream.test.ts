import { LoopShare } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { pacedStream } from "./paced-stream.ts";

function* repeated(text: string, times: number): Generator<string, void, undefined> {
  for (let count = 0; count < times; count++) yield text;
}

describe("a body that is made in pieces", () => {
  it("pacedStream: gives all texts, and ends once", async () => {
    let ends = 0;
    const end = (): void => void ends++;
    const stream = pacedStream(repeated("ä".repeat(1000), 500), { loop: new LoopShare(), end });
    expect(await new Response(stream).text()).toBe("ä".repeat(500_000));
    expect(ends).toBe(1);
  });

  it("pacedStream: makes a piece only when it is asked for", async () => {
    let made = 0;
    const texts = (function* (): Generator<string, void, undefined> {
      for (;;) {
        made += 1;
        yield "x".repeat(48 * 1024);
      }
    })();
    let ends = 0;
    const end = (): void => void ends++;
    const reader = pacedStream(texts, { loop: new LoopShare(), end }).getReader();
    await reader.read();
    expect(made).toBe(1);
    await reader.cancel();
    expect(ends).toBe(1);
  });

  it("pacedStream: waits for its turn if its user took too much time", async () => {
    const loop = new LoopShare();
    loop.charge(1000);
    let made = 0;
    const texts = (function* (): Generator<string, void, undefined> {
      made += 1;
      yield "x";
    })();
    const reader = pacedStream(texts, { loop, end: () => undefined }).getReader();
    const first = reader.read();
    await Promise.resolve();
    expect(made).toBe(0);
    expect((await first).done).toBe(false);
  });

  it("pacedStream: ends also if a text cannot be made", async () => {
    let ends = 0;
    const end = (): void => void ends++;
    const texts = {
      next: (): never => {
        throw new Error("no text");
      },
    };
    const stream = pacedStream(texts, { loop: new LoopShare(), end });
    await expect(new Response(stream).text()).rejects.toThrow("no text");
    expect(ends).toBe(1);
  });
});
