import { describe, expect, it } from "vitest";
import { exactLength } from "./exact-length.ts";

function pieces(...texts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(texts.map((text) => new TextEncoder().encode(text)));
}

describe("a body of an announced length", () => {
  it("is passed on as it is where the length is right", async () => {
    expect(await new Response(exactLength(pieces("ab", "c"), 3)).text()).toBe("abc");
    expect(await new Response(exactLength(pieces(), 0)).text()).toBe("");
  });

  it("is cut where the file grew", async () => {
    expect(await new Response(exactLength(pieces("ab", "cd", "ef"), 3)).text()).toBe("abc");
    expect(await new Response(exactLength(pieces("ab"), 0)).text()).toBe("");
  });

  it("fails where the file shrank", async () => {
    await expect(new Response(exactLength(pieces("ab"), 3)).text()).rejects.toThrow("1 bytes");
  });
});
