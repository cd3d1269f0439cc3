import { describe, expect, it } from "vitest";
import { writeCondition } from "./write-condition.ts";

const HASH = "a".repeat(64);

describe("the condition of a write", () => {
  it("is anything, nothing, or the file of a hash", () => {
    expect(writeCondition({})).toBeUndefined();
    expect(writeCondition({ "if-none-match": "*" })).toBeNull();
    expect(writeCondition({ "if-match": `"${HASH}"` })).toBe(HASH);
  });

  it.each([
    { "if-match": "*" },
    { "if-match": HASH },
    { "if-match": `"${HASH}", "${HASH}"` },
    { "if-match": "" },
    { "if-none-match": `"${HASH}"` },
    { "if-none-match": "" },
    { "if-match": `"${HASH}"`, "if-none-match": "*" },
  ])("is refused where the headers say %j", (headers) => {
    expect(() => writeCondition(headers)).toThrow(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  });

  it.each(['"00"', '""', `W/"${HASH}"`, `"${HASH.toUpperCase()}"`])(
    "cannot hold where If-Match is %s, the tag of no file",
    (match) => {
      expect(() => writeCondition({ "if-match": match })).toThrow(
        expect.objectContaining({ code: "conflict" }),
      );
    },
  );
});
