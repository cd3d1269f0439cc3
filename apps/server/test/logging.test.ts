import { SandboxError } from "@carrel/backend-protocol";
import { expect, it } from "vitest";
import { chooseModel } from "../src/model/chat-model.ts";
import { startServer } from "./support/http-server.ts";
import { startTestApp } from "./support/test-app.ts";

it("says one thing about each request, and nothing of what is in it", async () => {
  await using app = await startTestApp();
  const session = await app.createSession("canary-user");
  const files = `/sessions/${session}/files`;
  await app.put(session, "canary-name.txt", "canary-content");
  await app.request(`${files}/content?path=canary-name.txt`, {
    headers: { "User-Agent": "canary-agent" },
  });
  await app.request(`${files}/content?path=canary-missing.txt`);
  await app.post(`/sessions/${session}/execute`, { command: "echo canary-command; exit 7" });
  await app.chat(session, "run `echo canary-message`");
  await app.post(`/sessions/${session}/chat`, { message: "canary", "canary-field\r\n": 1 });
  await app.request("/sessions/canary-session\r\nX/files");
  await app.request("/canary-route?canary=1");
  expect(app.logLines.length).toBe(10);
  for (const line of app.logLines) {
    expect(line).not.toContain("canary");
    expect(line).not.toContain(session);
    expect(line.trimEnd()).not.toMatch(/[\r\n]/);
    expect(JSON.parse(line)).toMatchObject({ level: "info", time: expect.stringMatching(/Z$/) });
  }
  expect(app.logLines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
    expect.objectContaining({
      msg: "request",
      method: "GET",
      route: "/sessions/:session_id/files/content",
      session: session.slice(0, 12),
      status: 404,
      durationMs: expect.any(Number),
      requestId: expect.any(String),
    }),
  );
});

it("does not repeat what a provider said, nor the key", async () => {
  await using provider = await startServer((request, response) => {
    response.statusCode = 400;
    response.setHeader("Content-Type", "application/json");
    const message = `canary-provider ${request.headers.authorization}`;
    response.end(JSON.stringify({ error: { message } }));
  });
  const model = await chooseModel(
    { kind: "openai", name: "m", apiKey: "sk-canary", baseUrl: provider.url },
    { timeoutMs: 5000, maxRetries: 0 },
  );
  await using app = await startTestApp({ model });
  const session = await app.createSession();
  const answer = await app.chat(session, "Hello");
  expect(answer.status).toBe(503);
  expect(await answer.text()).not.toContain("sk-canary");
  expect(app.logLines.join()).toContain('"errorCode":"unavailable"');
  expect(app.logLines.join()).not.toContain("canary");
});

it("says of an unknown failure where and what, under the id that the client was told", async () => {
  await using app = await startTestApp();
  app.services.manager.find = () => Promise.reject(new Error("the reason"));
  const session = await app.createSession();
  const answer = await app.request(`/sessions/${session}`);
  expect(answer.status).toBe(500);
  const text = await answer.text();
  expect(text).not.toContain("the reason");
  const requestId = answer.headers.get("X-Request-Id");
  expect(text).toContain(requestId);
  const failure = app.logLines
    .map((line) => JSON.parse(line) as { err?: unknown; requestId: string })
    .find(({ err }) => err);
  expect(failure).toMatchObject({ requestId, level: "error", err: { message: "the reason" } });
});

it("says of an answer 5xx its cause, which the client is not told, and not the words of the answer", async () => {
  await using app = await startTestApp();
  const session = await app.createSession();
  const cause = new Error("/srv/one and /srv/two");
  const told = "See the server's log.";
  app.services.manager.find = () =>
    Promise.reject(new SandboxError({ code: "unavailable", message: told, cause }));
  const answer = await app.request(`/sessions/${session}`);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ error: { code: "unavailable", message: told } });
  const requestId = answer.headers.get("X-Request-Id");
  const lines = app.logLines.map((line) => JSON.parse(line) as { err?: unknown });
  expect(lines.filter(({ err }) => err)).toEqual([
    expect.objectContaining({
      level: "error",
      requestId,
      code: "unavailable",
      err: expect.objectContaining({ message: "/srv/one and /srv/two" }),
    }),
  ]);
  expect(app.logLines.join()).not.toContain(told);
});

it("says nothing of the cause of an answer 4xx", async () => {
  await using app = await startTestApp();
  const session = await app.createSession();
  const cause = new Error("canary");
  app.services.manager.find = () =>
    Promise.reject(new SandboxError({ code: "not-found", message: "No.", cause }));
  expect((await app.request(`/sessions/${session}`)).status).toBe(404);
  expect(app.logLines.join()).not.toContain("canary");
});
