import { describe, expect, test } from "vitest";
import {
  assertUserId,
  createSessionId,
  isPossibleSessionId,
  isSessionKey,
  MAX_USER_ID_BYTES,
} from "./session-key.ts";

describe("user ids", () => {
  test.each([
    "alice",
    "a",
    "constructor",
    "__proto__",
    "../../etc",
    "..",
    "/",
    "%2e%2e%2f",
    "Bob Ångström",
    "👩‍💻",
    "a".repeat(MAX_USER_ID_BYTES),
  ])("%j is one", (id) => {
    assertUserId("user id", id);
    expect(isPossibleSessionId(id)).toBe(true);
  });

  test.each([
    ["", "is empty"],
    ["a\0b", "control character"],
    ["a\nb", "control character"],
    ["a\rb", "control character"],
    ["a\u007fb", "control character"],
    ["a\u0085b", "control character"],
    ["a\u2028b", "line break"],
    ["\ud800", "not well-formed"],
    ["ses_alice", 'starts with "ses_"'],
    ["a".repeat(MAX_USER_ID_BYTES + 1), "longer than 256 bytes"],
    ["é".repeat(129), "longer than 256 bytes"],
  ])("%j is none", (id, why) => {
    expect(() => assertUserId("user id", id)).toThrow(
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringContaining(why),
      }),
    );
    expect(isPossibleSessionId(id)).toBe(false);
  });

  test("the message is one bounded line, whatever the id", () => {
    const id = `\n${"x".repeat(100_000)}`;
    expect(() => assertUserId("user id", id)).toThrow(/^The user id .{1,200}$/);
  });
});

describe("session ids", () => {
  test("are what they promise: the prefix and 144 random bits", () => {
    const ids = new Set(Array.from({ length: 1000 }, createSessionId));
    expect(ids.size).toBe(1000);
    for (const id of ids) {
      expect(id).toMatch(/^ses_[A-Za-z0-9_-]{24}$/);
      expect(isPossibleSessionId(id)).toBe(true);
      expect(isSessionKey(id)).toBe(true);
    }
  });

  test("are told from everything else with their prefix", () => {
    expect(isPossibleSessionId("ses_short")).toBe(false);
    expect(isPossibleSessionId(`${createSessionId()}x`)).toBe(false);
    expect(isSessionKey("alice")).toBe(false);
  });
});
