import { expect, test } from "vitest";
import { foldUnchanged, lineDiff } from "./line-diff.ts";

test("a changed line is its old text, then its new", () => {
  expect(lineDiff("a\nb\nc", "a\nB\nc")).toEqual([
    { kind: "same", text: "a" },
    { kind: "removed", text: "b" },
    { kind: "added", text: "B" },
    { kind: "same", text: "c" },
  ]);
});

test("text is put in, and taken out", () => {
  expect(lineDiff("a\n", "new\na\n")).toEqual([
    { kind: "added", text: "new" },
    { kind: "same", text: "a" },
  ]);
  expect(lineDiff("gone", "")).toEqual([{ kind: "removed", text: "gone" }]);
});

test("a missing line break at the end of a piece is no change of its last line", () => {
  expect(lineDiff("a", "a\nb").map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    "same a",
    "added b",
  ]);
});

test("empty lines and spaces are kept", () => {
  expect(lineDiff("a\n\n  b", "a\n\n    b").map(({ kind, text }) => `${kind}:${text}`)).toEqual([
    "same:a",
    "same:",
    "removed:  b",
    "added:    b",
  ]);
});

test("texts that have almost nothing in common are compared in bounded time", () => {
  const oldText = Array.from({ length: 6000 }, (_, index) => `old ${index}`).join("\n");
  const newText = Array.from({ length: 6000 }, (_, index) => `new ${index}`).join("\n");
  const lines = lineDiff(oldText, newText);
  expect(lines).toHaveLength(12_000);
  expect(lines[0]?.kind).toBe("removed");
  expect(lines.at(-1)).toEqual({ kind: "added", text: "new 5999" });
});

test("unchanged lines far from a change are folded", () => {
  const old = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const rows = foldUnchanged(lineDiff(old.join("\n"), old.with(10, "changed").join("\n")));
  expect(rows[0]).toEqual({ kind: "gap", hidden: 7 });
  expect(rows.slice(1, 4).map((row) => row.kind)).toEqual(["same", "same", "same"]);
  expect(rows.slice(4, 6).map((row) => row.kind)).toEqual(["removed", "added"]);
  expect(rows.at(-1)).toEqual({ kind: "gap", hidden: 6 });
});
