import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf, startTestApp } from "./support/test-app.ts";
import type { TestApp } from "./support/test-app.ts";

let app: TestApp;
let session: string;

beforeAll(async () => {
  app = await startTestApp();
  session = await app.createSession();
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

describe("a request that does not fit", () => {
  it.each([
    ["chat", {}, "`message` is missing."],
    ["chat", { message: 1 }, "`message` must be text."],
    ["chat", { message: " " }, "`message` is empty."],
    ["chat", { message: "x".repeat(100_001) }, "`message` is longer than 100000 characters."],
    ["chat", { message: "a", user: 1 }, "The body has a field that is not known: `user`."],
    ["chat", null, "The body must be a JSON object."],
    ["execute", { command: "" }, "`command` is empty."],
    ["execute", { command: "a", timeout_seconds: "5" }, "`timeout_seconds` must be a number."],
    ["execute", { command: "a", timeout_seconds: 0 }, "`timeout_seconds` must be more than 0."],
    ["execute", { command: "a", timeout_seconds: 1e6 }, "`timeout_seconds` must be at most 86400."],
  ])("to %s (%j) is told what is wrong in plain words", async (route, body, message) => {
    const answer = await app.post(`/sessions/${session}/${route}`, body);
    expect(await errorOf(answer)).toEqual({ status: 400, code: "invalid-argument", message });
  });

  it.each([
    ["brackets", "[".repeat(500_000)],
    ["names", `{${Array.from({ length: 90_000 }, (_, index) => `"${index}":1`).join(",")}}`],
  ])("because it has a megabyte of %s is refused before it is parsed", async (_name, body) => {
    const headers = { "Content-Type": "application/json" };
    const path = `/sessions/${session}/execute`;
    const answer = await app.request(path, { method: "POST", headers, body });
    expect(await errorOf(answer)).toMatchObject({
      status: 400,
      message: expect.stringContaining("1000 values"),
    });
  });

  it.each([
    ["files/content", "`path` is missing."],
    ["files/content?path=", "`path` is empty."],
    ["files/content?path=a&path=b", "`path` must be text, given once."],
    ["chat/events?after=x", "`after` must be a whole number."],
  ])("(%s) is told what is wrong in plain words", async (path, message) => {
    const answer = await app.request(`/sessions/${session}/${path}`);
    expect(await errorOf(answer)).toEqual({ status: 400, code: "invalid-argument", message });
  });

  it.each([
    ["GET", "/sessions/%FF"],
    ["GET", "/%"],
    ["GET", "/assets/%C3"],
    ["POST", "/sessions?user_id=%FF"],
    ["GET", "/sessions/ses_x/files?path=a%FF"],
    ["GET", "/healthz?x=%zz"],
  ])("because its encoding is broken (%s %s) is refused", async (method, path) => {
    const error = await errorOf(await app.request(path, { method }));
    expect(error).toMatchObject({ status: 400, code: "invalid-argument" });
    expect(error.message).toContain("percent-encoded");
  });
});
