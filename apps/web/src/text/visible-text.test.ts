import { expect, test } from "vitest";
import { visibleName, visibleSegments } from "./visible-text.ts";

test("an ordinary name is shown as it is", () => {
  expect(visibleSegments("Übung 1 (日本).txt", "nothing")).toEqual([
    { text: "Übung 1 (日本).txt", escaped: false },
  ]);
});

test("markup in a name stays text", () => {
  expect(visibleName('"><img src=x onerror=alert(1)>')).toBe('"><img src=x onerror=alert(1)>');
});

test("a right-to-left override is shown and does not reorder the rest", () => {
  expect(visibleSegments("invoice\u202efdp.exe", "nothing")).toEqual([
    { text: "invoice", escaped: false },
    { text: String.raw`\u202e`, escaped: true },
    { text: "fdp.exe", escaped: false },
  ]);
});

test.each([
  ["a\nb", String.raw`a\nb`],
  ["a\r\tb", String.raw`a\r\tb`],
  ["a\u0000b\u001b[31m", String.raw`a\x00b\x1b[31m`],
  ["\u0085", String.raw`\x85`],
  ["a\u200bb\ufeff", String.raw`a\u200bb\ufeff`],
  ["a\u2066b\u2069", String.raw`a\u2066b\u2069`],
  ["line\u2028", String.raw`line\u2028`],
  ["tag\u{e0041}", String.raw`tag\u{e0041}`],
  ["\u3164", String.raw`\u3164`],
])("%j is shown with escapes", (name, shown) => {
  expect(visibleName(name)).toBe(shown);
});

test("a byte that is no UTF-8 is shown as that byte", () => {
  expect(visibleName("caf\udce9")).toBe(String.raw`caf\xe9`);
});

test("a surrogate pair is a character like any other", () => {
  expect(visibleName("\u{1f4c1}")).toBe("\u{1f4c1}");
});

test("line breaks and tabs of a text keep their meaning, other controls do not", () => {
  expect(visibleSegments("a\n\tb\u0007", "layout")).toEqual([
    { text: "a\n\tb", escaped: false },
    { text: String.raw`\x07`, escaped: true },
  ]);
});

test("a text of nothing but invisible characters is one piece", () => {
  const segments = visibleSegments("\u200b".repeat(5000), "layout");
  expect(segments).toHaveLength(1);
  expect(segments[0]?.text.startsWith(String.raw`\u200b\u200b`)).toBe(true);
});
