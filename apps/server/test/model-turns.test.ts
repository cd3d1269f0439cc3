import { describe, expect, it } from "vitest";
import type { WireMessageList } from "../src/wire/messages.ts";
import { allEvents, textOf } from "./support/event-stream.ts";
import { Provider, modelAt } from "./support/provider.ts";
import { startTestApp } from "./support/test-app.ts";

// OpenAI refuses a conversation in which a call has no result right after it.
function expectEveryCallAnswered(provider: Provider): void {
  for (const { calls, results } of provider.lastCalls()) expect(results).toEqual(calls);
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
    expectEveryCallAnswered(provider);
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
    expect(await (await app.request(`/sessions/${session}/files`)).json()).toEqual({
      files: [],
      next: null,
    });
    expectEveryCallAnswered(provider);
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
    expectEveryCallAnswered(provider);
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
