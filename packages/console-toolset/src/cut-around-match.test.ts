import { expect, test } from "vitest";
import { cutAroundMatch, matchHints } from "./cut-around-match.ts";

const line = `${"-".repeat(500)}The Needle is here${"-".repeat(500)}`;

test.for([
  ["Needle", false],
  ["needle", true],
  [String.raw`\bneedle\s+is`, false],
  [String.raw`(?i:needle)[a-z ]*here`, false],
])("the part around %s is kept", ([pattern, literal]) => {
  const cut = cutAroundMatch(line, {
    hints: matchHints(String(pattern), literal === true),
    maxCharacters: 100,
  });

  expect(cut).toMatch(/^…-+The Needle is here-+…$/);
  expect(cut).toHaveLength(102);
});

test("where the match cannot be found the beginning is kept", () => {
  const cut = cutAroundMatch(line, { hints: matchHints("^.*$", false), maxCharacters: 10 });

  expect(cut).toBe("----------…");
});

test("a short line is kept, without what a terminal would not show", () => {
  const options = { hints: ["a"], maxCharacters: 100 };

  expect(cutAroundMatch("\u001b[1ma\u001b[0m\r", options)).toBe("a");
});

test("lines made to be slow to search are cut as fast as others", { timeout: 5000 }, () => {
  const slow = "a".repeat(16 * 1024);
  const hints = [`ab${"a".repeat(8000)}`];

  for (let index = 0; index < 200; index++) {
    expect(cutAroundMatch(slow, { hints, maxCharacters: 10 })).toBe("aaaaaaaaaa…");
  }
});
