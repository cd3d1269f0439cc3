import { describe, expect, it, vi } from "vitest";
import type { WireMessageList } from "../src/wire/messages.ts";
import { allEvents, textOf } from "./support/event-stream.ts";
import { startServer } from "./support/http-server.ts";
import { KEY, Provider, modelAt } from "./support/provider.ts";
import { errorOf, startTestApp } from "./support/test-app.ts";

describe("a provider that fails", () => {
  it.each([
    [401, "unavailable", 503, "OPENAI_API_KEY"],
    [404, "unavailable", 503, "CARREL_MODEL"],
    [429, "unavailable", 503, "429"],
    [500, "unavailable", 503, "500"],
    [400, "unavailable", 503, "quoting [key]"],
  ])("with %s is told so that one knows what to do", async (status, code, answered, hint) => {
    await using provider = await Provider.start();
    provider.mock.on({}, { error: { message: `quoting ${KEY}`, type: "x" }, status });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const error = await errorOf(await app.chat(session, "Hello"));
    expect(error).toMatchObject({ status: answered, code, message: expect.stringContaining(hint) });
    expect(JSON.stringify([error, app.logLines])).not.toContain(KEY);
  });

  it("leaves a conversation with which one can go on", async () => {
    await using provider = await Provider.start();
    provider.mock.on({ userMessage: "first" }, { error: { message: "no" }, status: 500 });
    provider.mock.on({ userMessage: "second" }, { content: "Here I am." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "first"));
    expect(events.at(-1)?.data).toMatchObject({
      outcome: "failed",
      error: { code: "unavailable" },
    });
    expect(await (await app.chat(session, "second")).json()).toMatchObject({
      response: "Here I am.",
    });
    const { messages } = (await (
      await app.request(`/sessions/${session}/messages`)
    ).json()) as WireMessageList;
    expect(messages).toMatchObject([
      { text: "first" },
      { outcome: "failed", error: { code: "unavailable" }, parts: [] },
      { text: "second" },
      { outcome: "completed", error: null, parts: [{ text: "Here I am." }] },
    ]);
    expect(provider.lastMessages().every(({ content }) => content !== "")).toBe(true);
  });

  it("after a part of its answer keeps that part, and says that it was cut", async () => {
    await using provider = await Provider.start();
    const content = "One two three four five six seven eight nine ten.";
    provider.mock.on({}, { content }, { truncateAfterChunks: 4, latency: 20 });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "Count"));
    const end = events.at(-1)?.data;
    expect(end).toMatchObject({ outcome: "failed", error: { code: "unavailable" } });
    const said = textOf(events);
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(40);
    expect(end).toMatchObject({ response: said });
    const { messages } = (await (
      await app.request(`/sessions/${session}/messages`)
    ).json()) as WireMessageList;
    expect(messages[1]).toMatchObject({ outcome: "failed", parts: [{ type: "text", text: said }] });
  });

  it("by ending its stream without saying why is known to have cut its answer", async () => {
    const delta = { choices: [{ index: 0, delta: { role: "assistant", content: "Half an" } }] };
    await using server = await startServer((_request, response) => {
      response.setHeader("Content-Type", "text/event-stream");
      response.end(`data: ${JSON.stringify(delta)}\n\n`);
    });
    await using app = await startTestApp({ model: await modelAt(server.url) });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "Hello"));
    expect(events.at(-1)?.data).toMatchObject({
      outcome: "failed",
      response: "Half an",
      error: { code: "unavailable", message: expect.stringContaining("cut off") },
    });
  });

  it("by sending what is no JSON writes nothing beside the log", async () => {
    await using server = await startServer((_request, response) => {
      response.setHeader("Content-Type", "text/event-stream");
      response.end("data: canary, no JSON\n\n");
    });
    await using app = await startTestApp({ model: await modelAt(server.url) });
    const session = await app.createSession();
    const written = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const error = await errorOf(await app.chat(session, "Hello"));
    expect(error).toMatchObject({ status: 503, code: "unavailable" });
    expect(written).not.toHaveBeenCalled();
    written.mockRestore();
  });

  it("by standing still in the middle of its answer is left after its time", async () => {
    const delta = { choices: [{ index: 0, delta: { role: "assistant", content: "Well" } }] };
    await using server = await startServer((_request, response) => {
      response.setHeader("Content-Type", "text/event-stream");
      response.write(`data: ${JSON.stringify(delta)}\n\n`);
    });
    await using app = await startTestApp({ model: await modelAt(server.url, { timeoutMs: 300 }) });
    const session = await app.createSession();
    const error = await errorOf(await app.chat(session, "Hello"));
    expect(error).toMatchObject({ status: 503, message: expect.stringContaining("in time") });
  });

  it("by not being there is told so that one knows what to do", async () => {
    await using app = await startTestApp({ model: await modelAt("http://127.0.0.1:9") });
    const session = await app.createSession();
    const error = await errorOf(await app.chat(session, "Hello"));
    expect(error).toMatchObject({
      status: 503,
      message: expect.stringContaining("OPENAI_BASE_URL"),
    });
  });

  it("by never beginning to answer is left after its time", async () => {
    await using provider = await Provider.start();
    provider.mock.on({}, { content: "late" }, { latency: 60_000 });
    await using app = await startTestApp({ model: await provider.model({ timeoutMs: 300 }) });
    const session = await app.createSession();
    const error = await errorOf(await app.chat(session, "Hello"));
    expect(error).toMatchObject({ status: 503, message: expect.stringContaining("in time") });
  });
});
