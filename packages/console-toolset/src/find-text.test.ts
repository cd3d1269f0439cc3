import { expect, test } from "vitest";
import { findText } from "./find-text.ts";

test("every occurrence is counted, and the first lines are named", () => {
  const content = new TextEncoder().encode("é\na\néa\na a\n");

  expect(findText(content, "a", 3)).toEqual({ total: 4, lines: [2, 3, 4] });
  expect(findText(content, "a\né", 3)).toEqual({ total: 1, lines: [2] });
  expect(findText(content, "z", 3)).toEqual({ total: 0, lines: [] });
});

test("content made to be slow to search is searched in one go", () => {
  const content = new Uint8Array(1024 * 1024).fill(0x61);
  const wanted = `ab${"a".repeat(60_000)}`;

  expect(findText(content, wanted, 3)).toEqual({ total: 0, lines: [] });
});
