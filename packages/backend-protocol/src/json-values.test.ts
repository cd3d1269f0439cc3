import { expect, it } from "vitest";
import { hasMoreValues } from "./json-values.ts";

const count = (json: string, max: number): boolean => hasMoreValues(Buffer.from(json), max);

it.each([
  ["a list", "[1,2,3]", 3],
  ["an object", '{"a":1,"b":2}', 2],
  ["nested lists", "[[],[[]]]", 5],
  ["texts of brackets and commas", String.raw`["[,{","\"[,","\\"]`, 3],
])("hasMoreValues: counts what begins or follows in %s", (_name, json, values) => {
  expect(count(json, values)).toBe(false);
  expect(count(json, values - 1)).toBe(true);
});

it("hasMoreValues: ends with JSON that is cut off", () => {
  for (const json of ["", '"[[', '"\\', "[", "[1,"]) expect(count(json, 2)).toBe(false);
});
