import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { JoinedTexts } from "./joined-texts.ts";

function collecting() {
  const passed: [string, string][] = [];
  const errors: unknown[] = [];
  const texts = new JoinedTexts<string>(
    (name, text) => {
      if (text.includes("!")) throw new Error("full");
      passed.push([name, text]);
    },
    (error) => void errors.push(error),
  );
  return { passed, errors, texts };
}

describe("texts that come in small pieces", () => {
  it("a burst: is passed on in few joined texts, and nothing is lost", () => {
    const { passed, texts } = collecting();
    for (let count = 0; count < 10_000; count++) texts.add("a", "x");
    texts.flush();
    expect(passed.length).toBeLessThan(20);
    expect(passed.map(([, text]) => text).join("")).toBe("x".repeat(10_000));
  });

  it("several streams: are not mixed, and none is passed on twice", () => {
    const { passed, texts } = collecting();
    for (const name of ["a", "b", "a", "b"]) texts.add(name, name);
    texts.flush();
    texts.flush();
    expect(passed).toEqual([
      ["a", "aa"],
      ["b", "bb"],
    ]);
  });

  it("a single piece: is passed on without another call", async () => {
    const { passed, texts } = collecting();
    texts.add("a", "x");
    expect(passed).toEqual([]);
    await expect.poll(() => passed).toEqual([["a", "x"]]);
  });

  it("a receiver that throws: is told to whoever is there, and never as an uncaught error", async () => {
    const { errors, texts } = collecting();
    texts.add("a", "!");
    await expect.poll(() => errors.length).toBe(1);
    texts.add("a", "!");
    expect(() => texts.flush()).toThrow("full");
    await delay(0);
    expect(errors).toHaveLength(1);
  });
});
