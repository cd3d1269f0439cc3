import { expect, test } from "vitest";
import { positionsOf } from "./positions-of.ts";

const positions = (content: string, wanted: string): number[] => [
  ...positionsOf(Buffer.from(content), Buffer.from(wanted)),
];

test.for<[string, string, number[]]>([
  ["abcabc", "abc", [0, 3]],
  ["aaaaa", "aa", [0, 2]],
  ["ababac ababac", "abac", [2, 9]],
  ["aabaabaaab", "aabaaab", [3]],
  ["abc", "abcd", []],
  ["", "a", []],
  ["a", "", []],
])("in %s the text %s is found at %o", ([content, wanted, expected]) => {
  expect(positions(content, wanted)).toEqual(expected);
});

test("every short text is found where the built-in search finds it", () => {
  const words = (length: number): string[] =>
    Array.from({ length: 2 ** length }, (_, bits) =>
      bits.toString(2).padStart(length, "0").replaceAll("0", "a").replaceAll("1", "b"),
    );
  for (const content of words(7)) {
    for (const wanted of [1, 2, 3, 4].flatMap(words)) {
      const expected: number[] = [];
      for (let at = content.indexOf(wanted); at !== -1;) {
        expected.push(at);
        at = content.indexOf(wanted, at + wanted.length);
      }
      expect(positions(content, wanted)).toEqual(expected);
    }
  }
});
