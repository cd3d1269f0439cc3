import { expect, test } from "vitest";
import { countOf, formatAge, formatBytes, formatDuration } from "./measures.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1434, "1.4 kB"],
  [12_000_000, "12 MB"],
  [5 * 1000 ** 3, "5.0 GB"],
  [5000 * 1000 ** 4, "5000 TB"],
])("%i bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0.4, "0 ms"],
  [48, "48 ms"],
  [1234, "1.2 s"],
  [185_000, "3 min 5 s"],
])("%d milliseconds are %s", (duration, text) => {
  expect(formatDuration(duration)).toBe(text);
});

test("an age is told in the unit that a person would use", () => {
  const now = Date.parse("2026-05-01T12:00:00Z");
  expect(formatAge("2026-05-01T11:59:40Z", now)).toBe("just now");
  expect(formatAge("2026-05-01T12:00:30Z", now)).toBe("just now");
  expect(formatAge("2026-05-01T11:15:00Z", now)).toBe("45 min ago");
  expect(formatAge("2026-05-01T09:00:00Z", now)).toBe("3 h ago");
  expect(formatAge("2026-01-15T12:00:00Z", now)).toContain("2026");
  expect(formatAge("no time", now)).toBe("");
});

test("one is singular", () => {
  expect(countOf(1, "line")).toBe("1 line");
  expect(countOf(1200, "line")).toBe("1,200 lines");
});
