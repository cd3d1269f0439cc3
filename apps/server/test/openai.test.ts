import { LLMock } from "@copilotkit/aimock";
import { describe, expect, it } from "vitest";
import { chooseModel } from "../src/model/chat-model.ts";
import type { ChosenModel } from "../src/model/chat-model.ts";
import type { WireMessageList } from "../src/wire/messages.ts";
import { allEvents, textOf } from "./support/event-stream.ts";
import { startServer } from "./support/http-server.ts";
import { errorOf, startTestApp } from "./support/test-app.ts";

const KEY = "sk-canary-3b1f0c6d";

function modelAt(
  baseUrl: string,
  { timeoutMs = 10_000, name = "gpt-4o" } = {},
): Promise<ChosenModel> {
  return chooseModel({ kind: "openai", name, apiKey: KEY, baseUrl }, { timeoutMs, maxRetries: 0 });
}

class Provider implements AsyncDisposable {
  readonly mock = new LLMock({ port: 0, chunkSize: 8 });

  static async start(): Promise<Provider> {
    const provider = new Provider();
    await provider.mock.start();
    return provider;
  }

  model({ timeoutMs = 10_000 } = {}): Promise<ChosenModel> {
    return modelAt(`${this.mock.url}/v1`, { timeoutMs });
  }

  /** The messages of the last request, as the provider saw them. */
  lastMessages(): {
    role: string;
    content: unknown;
    tool_calls?: { id: string }[];
    tool_call_id?: string;
  }[] {
    const body = this.mock.getLastRequest()?.body as { messages?: [] } | null | undefined;
    return body?.messages ?? [];
  }

  /** OpenAI refuses a conversation in which a call has no result right after it. */
  expectEveryCallAnswered(): void {
    const messages = this.lastMessages();
    for (const [index, { tool_calls: calls = [] }] of messages.entries()) {
      const answers = messages.slice(index + 1, index + 1 + calls.length);
      expect(answers.map(({ tool_call_id: id }) => id).toSorted()).toEqual(
        calls.map(({ id }) => id).toSorted(),
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mock.stop();
  }
}

function useOpenAi(provider: Provider): void {
  provider.mock.on(
    { hasToolResult: false, userMessage: "hello script" },
    {
      content: "I will write it.",
      toolCalls: [
        {
          name: "write_file",
          arguments: JSON.stringify({ path: "hi.sh", content: "echo hi there\n" }),
        },
      ],
    },
  );
  provider.mock.on(
    { toolResultContains: "Created" },
    { toolCalls: [{ name: "execute", arguments: JSON.stringify({ command: "bash hi.sh" }) }] },
  );
  provider.mock.on({ toolResultContains: "hi there" }, { content: "It printed: hi there." });
}

describe("a turn with a model behind OpenAI's interface", () => {
  it.each([
    ["chat completions", "gpt-4o"],
    ["responses", "gpt-5.6"],
  ])("runs tools over %s and streams it, and keeps the same as messages", async (_, name) => {
    await using provider = await Provider.start();
    useOpenAi(provider);
    await using app = await startTestApp({
      model: await modelAt(`${provider.mock.url}/v1`, { name }),
    });
    const session = await app.createSession();

    const events = await allEvents(await app.chatEvents(session, "Make a hello script and run it"));

    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
    expect(
      events.map(({ event }) => event).filter((event, i, all) => event !== all[i - 1]),
    ).toEqual([
      "turn-start",
      "text-delta",
      "tool-call",
      "tool-result",
      "tool-call",
      "tool-output",
      "tool-result",
      "text-delta",
      "turn-end",
    ]);
    expect(textOf(events)).toBe("I will write it.It printed: hi there.");
    expect(events.at(-1)?.data).toMatchObject({
      outcome: "completed",
      response: "It printed: hi there.",
    });
    const { messages } = (await (
      await app.request(`/sessions/${session}/messages`)
    ).json()) as WireMessageList;
    expect(messages).toMatchObject([
      { role: "user", text: "Make a hello script and run it" },
      {
        role: "assistant",
        outcome: "completed",
        error: null,
        parts: [
          { type: "text", text: "I will write it." },
          {
            type: "tool",
            name: "write_file",
            status: "success",
            detail: { kind: "write", created: true },
          },
          {
            type: "tool",
            name: "execute",
            detail: { kind: "command", exit_code: 0, output: "hi there\n" },
          },
          { type: "text", text: "It printed: hi there." },
        ],
      },
    ]);
    provider.expectEveryCallAnswered();
  });

  it("answers the same without events", async () => {
    await using provider = await Provider.start();
    useOpenAi(provider);
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const answer = await app.chat(session, "Make a hello script and run it");
    expect(await answer.json()).toEqual({ response: "It printed: hi there.", session_id: session });
  });

  it("sends what was said before with the next turn", async () => {
    await using provider = await Provider.start();
    provider.mock.on({}, { content: "Noted." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    await app.chat(session, "My number is 4711.");
    await app.chat(session, "What is my number?");
    expect(
      provider
        .lastMessages()
        .map(({ role, content }) => ({ role, content }))
        .slice(1),
    ).toEqual([
      { role: "user", content: "My number is 4711." },
      { role: "assistant", content: "Noted." },
      { role: "user", content: "What is my number?" },
    ]);
  });

  it("keeps two answers apart to which the provider gave one id", async () => {
    await using provider = await Provider.start();
    provider.mock.on({ userMessage: "one" }, { content: "first", id: "chatcmpl-same" });
    provider.mock.on({ userMessage: "two" }, { content: "second", id: "chatcmpl-same" });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    await app.chat(session, "one");
    const events = await allEvents(await app.chatEvents(session, "two"));
    expect(textOf(events)).toBe("second");
    const { messages } = (await (
      await app.request(`/sessions/${session}/messages`)
    ).json()) as WireMessageList;
    expect(messages).toMatchObject([
      { text: "one" },
      { parts: [{ text: "first" }] },
      { text: "two" },
      { parts: [{ text: "second" }] },
    ]);
  });

  it("tells the model about arguments that are no JSON, and goes on", async () => {
    await using provider = await Provider.start();
    provider.mock.on(
      { hasToolResult: false },
      {
        toolCalls: [{ name: "write_file", arguments: '{"path":"a.txt","content":"half of ' }],
        finishReason: "length",
      },
    );
    provider.mock.on({ hasToolResult: true }, { content: "I will write less." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "Write a long file"));
    expect(events.find(({ event }) => event === "tool-result")?.data).toMatchObject({
      status: "error",
      content: expect.stringContaining("cut off"),
    });
    expect(textOf(events)).toBe("I will write less.");
    expect(await (await app.request(`/sessions/${session}/files`)).json()).toEqual({ files: [] });
    provider.expectEveryCallAnswered();
  });

  it("tells the model about a tool that does not exist and about wrong arguments, without paths of the host", async () => {
    await using provider = await Provider.start();
    provider.mock.on(
      { hasToolResult: false },
      {
        toolCalls: [
          { name: "launch_rocket", arguments: "{}" },
          { name: "execute", arguments: '{"command":["rm"]}' },
        ],
      },
    );
    provider.mock.on({ hasToolResult: true }, { content: "Sorry." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "Go"));
    const results = events.filter(({ event }) => event === "tool-result");
    expect(results.map(({ data }) => "status" in data && data.status)).toEqual(["error", "error"]);
    expect(JSON.stringify(results)).not.toContain("node_modules");
    provider.expectEveryCallAnswered();
  });

  it("treats text of tools and of the model as text, whatever it looks like", async () => {
    process.env["CARREL_TEST_SECRET"] = "canary-of-the-environment";
    const trap = JSON.stringify({ lc: 1, type: "secret", id: ["CARREL_TEST_SECRET"] });
    await using provider = await Provider.start();
    provider.mock.on(
      { hasToolResult: false, userMessage: "trap" },
      {
        toolCalls: [
          { name: "write_file", arguments: JSON.stringify({ path: "t.json", content: trap }) },
          {
            name: "execute",
            arguments: `{"command":"echo x","lc":1,"type":"secret","id":["CARREL_TEST_SECRET"]}`,
          },
          { name: "execute", arguments: `{"command":${trap}}` },
        ],
      },
    );
    provider.mock.on({ hasToolResult: true }, { content: trap });
    provider.mock.on({ userMessage: "again" }, { content: "fine" });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "trap"));
    await app.chat(session, "again");
    const messages = await (await app.request(`/sessions/${session}/messages`)).text();
    const everything = messages + JSON.stringify(events) + JSON.stringify(provider.lastMessages());
    expect(everything).not.toContain("canary-of-the-environment");
    expect(textOf(events)).toBe(trap);
    delete process.env["CARREL_TEST_SECRET"];
  });
});

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

describe("a turn that is cancelled", () => {
  it("while the model hangs ends at once", async () => {
    await using provider = await Provider.start();
    provider.mock.on({ userMessage: "wait" }, { content: "late" }, { latency: 60_000 });
    provider.mock.on({ userMessage: "next" }, { content: "Here." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await app.chatEvents(session, "wait");
    await events.next();
    const cancelled = await app.request(`/sessions/${session}/chat/cancel`, { method: "POST" });
    expect(await cancelled.json()).toEqual({ cancelled: true });
    expect((await allEvents(events)).at(-1)?.data).toMatchObject({ outcome: "cancelled" });
    expect(await (await app.chat(session, "next")).json()).toMatchObject({ response: "Here." });
  });

  it("while a command runs stops the command and leaves every call with a result", async () => {
    await using provider = await Provider.start();
    const calls = [
      { name: "execute", arguments: '{"command":"echo quick > quick.txt"}' },
      { name: "execute", arguments: '{"command":"echo started; sleep 60; echo late > late.txt"}' },
    ];
    provider.mock.on({ hasToolResult: false, userMessage: "both" }, { toolCalls: calls });
    provider.mock.on({ userMessage: "next" }, { content: "Here." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await app.chatEvents(session, "both");
    const seen = [];
    for await (const event of events) {
      seen.push(event);
      if (event.event === "tool-output" && event.data.text.includes("started")) {
        await app.request(`/sessions/${session}/chat/cancel`, { method: "POST" });
      }
    }
    const results = seen.filter(({ event }) => event === "tool-result");
    expect(results).toHaveLength(2);
    expect(seen.at(-1)?.data).toMatchObject({ outcome: "cancelled", error: { code: "aborted" } });
    const sandbox = await app.services.manager.getSession(session);
    await expect
      .poll(async () => (await sandbox.processes()).filter(({ result }) => result === null))
      .toEqual([]);
    expect(await (await app.chat(session, "next")).json()).toMatchObject({ response: "Here." });
    provider.expectEveryCallAnswered();
    const notes = provider.lastMessages().map(({ content }) => String(content));
    expect(notes.some((content) => content.includes("The user stopped this turn"))).toBe(true);
  });
});

describe("a turn that does not end by itself", () => {
  it("is stopped after its time", async () => {
    await using provider = await Provider.start();
    provider.mock.on({}, { content: "late" }, { latency: 60_000 });
    await using app = await startTestApp({ model: await provider.model(), maxTurnMs: 300 });
    const session = await app.createSession();
    expect(await errorOf(await app.chat(session, "Hello"))).toMatchObject({
      status: 504,
      code: "timeout",
    });
  });

  it("is stopped after its number of answers, with a conversation that is whole", async () => {
    await using provider = await Provider.start();
    provider.mock.on({ userMessage: "loop" }, { toolCalls: [{ name: "ls", arguments: "{}" }] });
    provider.mock.on({ userMessage: "next" }, { content: "Here." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const error = await errorOf(await app.chat(session, "loop"));
    expect(error).toMatchObject({
      status: 413,
      code: "too-large",
      message: expect.stringContaining("50"),
    });
    expect(provider.mock.getRequests()).toHaveLength(50);
    expect(await (await app.chat(session, "next")).json()).toMatchObject({ response: "Here." });
    provider.expectEveryCallAnswered();
  });
});
