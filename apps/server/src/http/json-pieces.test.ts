import { describe, expect, it } from "vitest";
import { isSmall, jsonPieces, memoryCost } from "./json-pieces.ts";

const long = 'abc\u0001😀\ud800"\\\n'.repeat(30_000);

describe("JSON in pieces", () => {
  it.each([
    ["a small value", { a: [1, "x", null, true, {}] }],
    ["a long text", long],
    ["a text of characters that take two units", "😀".repeat(40_000)],
    [
      "a long list",
      Array.from({ length: 5000 }, (_, index) => ({ name: `n${index}`, size: index })),
    ],
    ["long texts in an object", { one: long, none: undefined, two: [long, { three: long }] }],
    ["an object of nothing that can be said", { a: undefined }],
    ["a large list with holes in it", [undefined, long, () => 1]],
    ["names that need quotes", { 'a"\n': long, __proto__: null, "": 1 }],
  ])("of %s is the same text as at once", (_name, value) => {
    expect([...jsonPieces(value)].join("")).toBe(JSON.stringify(value));
  });

  it("has only pieces of a bounded size, whatever its parts are", () => {
    const pieces = [
      ...jsonPieces({ text: "\u0001".repeat(1_000_000), list: Array(5000).fill("x") }),
    ];
    expect(pieces.length).toBeGreaterThan(50);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(128 * 1024);
  });

  it("looks at no more of a large value than it needs to know that it is large", () => {
    const visited: number[] = [];
    const value = Array.from({ length: 100_000 }, (_, index) => ({
      get a() {
        visited.push(index);
        return 1;
      },
    }));
    expect(isSmall(value)).toBe(false);
    expect(visited.length).toBeLessThan(2000);
  });

  it("costs its memory, and not only its characters", () => {
    expect(memoryCost("x".repeat(1000))).toBeGreaterThanOrEqual(2000);
    expect(memoryCost(Array(1000).fill({}))).toBeGreaterThan(10_000);
  });
});
