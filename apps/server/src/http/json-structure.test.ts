import { describe, expect, it } from "vitest";
import { refuseManyValues } from "./json-structure.ts";

const check = (json: string): void => refuseManyValues(Buffer.from(json));

describe("the structure of a body of JSON", () => {
  it.each([
    ["a few fields", '{"command":"ls","timeout_seconds":5}'],
    ["a text of brackets and commas", JSON.stringify({ message: '[{,:"\\'.repeat(10_000) })],
    ["a text of escapes", `{"message":"${String.raw`\"\\\u005b`.repeat(10_000)}"}`],
    ["nothing", ""],
    ["a text that does not end", '"[[[['],
    ["an escape that does not end", '"\\'],
    ["a thousand values", `[${"1,".repeat(998)}1]`],
  ])("may be that of %s", (_name, json) => {
    expect(() => check(json)).not.toThrow();
  });

  it.each([
    ["deep", "[".repeat(2000)],
    ["wide", `[${"1,".repeat(2000)}1]`],
    [
      "of many names",
      JSON.stringify(Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [i, i]))),
    ],
    ["of many empty objects", `[${Array(1000).fill("{}").join(" ")}]`],
    ["hidden behind a text", `{"a":"\\\\","b":${"[".repeat(2000)}`],
  ])("must not be %s", (_name, json) => {
    expect(() => check(json)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  });
});
