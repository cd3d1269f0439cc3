import { expect, test } from "vitest";
import { orderedEntries } from "./file-order.ts";

function entry(name: string, isDirectory = false) {
  const modifiedAt = "2026-01-01T00:00:00Z";
  return { name, path: `/w/${name}`, is_dir: isDirectory, size: 0, modified_at: modifiedAt };
}

test("directories come first, and numbers in names count as numbers", () => {
  const entries = [entry("b10.txt"), entry("b9.txt"), entry("z", true), entry("A.txt")];
  expect(orderedEntries(entries, "").map(({ name }) => name)).toEqual([
    "z",
    "A.txt",
    "b9.txt",
    "b10.txt",
  ]);
});

test("a filter keeps names that contain it, in any case, and takes nothing as a pattern", () => {
  const entries = [entry("a.*"), entry("Notes.md"), entry("other")];
  expect(orderedEntries(entries, "NOTES").map(({ name }) => name)).toEqual(["Notes.md"]);
  expect(orderedEntries(entries, ".*").map(({ name }) => name)).toEqual(["a.*"]);
});
