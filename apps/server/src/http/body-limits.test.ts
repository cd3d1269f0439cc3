import { describe, expect, it } from "vitest";
import { limitStream } from "./body-limits.ts";

const endless = (): ReadableStream<Uint8Array> =>
  new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1000)) });

describe("a bounded stream", () => {
  it("is the same bytes up to its bound", async () => {
    const body = new Response("abc").body;
    expect(await new Response(limitStream(body!, 3)).text()).toBe("abc");
  });

  it("ends in an error as soon as there is more, though its source never ends", async () => {
    const reading = new Response(limitStream(endless(), 10_000)).bytes();
    await expect(reading).rejects.toMatchObject({ code: "too-large" });
  });
});
