import { describe, expect, it } from "vitest";
import { CutAnswerError, describeModelError } from "./model-error.ts";

const model = { name: "openai:gpt-9", secret: "sk-canary" };

function providerError(status: number, headers = new Headers()): Error {
  return Object.assign(new Error(`bad key sk-canary ${"x".repeat(2000)}`), { status, headers });
}

describe("what a failed call of a model means", () => {
  it.each([
    [401, "OPENAI_API_KEY"],
    [403, "OPENAI_API_KEY"],
    [404, "openai:gpt-9"],
    [429, "quota"],
    [400, "refused the request"],
    [422, "refused the request"],
    [500, "Try again later"],
    [529, "Try again later"],
  ])("for status %s tells what to do, and never the key", (status, hint) => {
    const described = describeModelError(providerError(status), model);
    expect(described.code).toBe("unavailable");
    expect(described.message).toContain(hint);
    expect(described.message).not.toContain("sk-canary");
    expect(described.message.length).toBeLessThan(500);
  });

  it("passes on when to try again", () => {
    const error = providerError(429, new Headers({ "Retry-After": "7" }));
    expect(describeModelError(error, model).retryAfterMs).toBe(7000);
    const dated = providerError(
      429,
      new Headers({ "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT" }),
    );
    expect(describeModelError(dated, model).retryAfterMs).toBeUndefined();
  });

  it("knows a conversation that is too long", () => {
    const error = Object.assign(new Error("…"), { name: "ContextOverflowError", status: 400 });
    expect(describeModelError(error, model).code).toBe("too-large");
  });

  it.each([
    [new CutAnswerError(), "cut off"],
    [new DOMException("", "TimeoutError"), "in time"],
    [new TypeError("fetch failed"), "OPENAI_BASE_URL"],
    ["a string", "OPENAI_BASE_URL"],
    [null, "OPENAI_BASE_URL"],
  ])("without a status is told by its kind", (error, hint) => {
    expect(describeModelError(error, model)).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(hint),
    });
  });
});
