import { describe, expect, it } from "vitest";
import { allEvents, textOf } from "./support/event-stream.ts";
import { Provider } from "./support/provider.ts";
import { errorOf, startTestApp } from "./support/test-app.ts";

// OpenAI refuses a conversation in which a call has no result right after it.
function expectEveryCallAnswered(provider: Provider): void {
  for (const { calls, results } of provider.lastCalls()) expect(results).toEqual(calls);
}

describe("a turn that is cancelled", () => {
  it("right at its beginning is in the conversation as it was", async () => {
    await using provider = await Provider.start();
    provider.mock.on({}, { content: "Here." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    await app.chat(session, "before");
    const turn = app.services.chats.start(session, "stop this");
    turn.cancel();
    expect(await turn.ended).toMatchObject({ outcome: "cancelled" });
    await app.chat(session, "after");
    const { messages } = await app.services.chats.messages(session);
    expect(messages).toMatchObject([
      { text: "before" },
      { outcome: "completed" },
      { text: "stop this" },
      { outcome: "cancelled", parts: [] },
      { text: "after" },
      { outcome: "completed" },
    ]);
  });

  it("at any moment has the same in its events as in the conversation", async () => {
    await using provider = await Provider.start();
    const calls = [1, 2, 3].map((n) => ({ name: "execute", arguments: `{"command":"echo ${n}"}` }));
    provider.mock.on({ hasToolResult: false }, { content: "I will run three.", toolCalls: calls });
    provider.mock.on({ hasToolResult: true }, { content: "That was one, two and three." });
    await using app = await startTestApp({ model: await provider.model() });
    for (let moment = 1; moment <= 14; moment++) {
      const session = await app.createSession();
      const seen = [];
      for await (const event of await app.chatEvents(session, "go")) {
        seen.push(event);
        if (event.id === moment) app.services.chats.latest(session)?.cancel();
      }
      const { messages } = await app.services.chats.messages(session);
      const parts = messages[1]?.role === "assistant" ? messages[1].parts : [];
      const texts = parts.map((part) => (part.type === "text" ? part.text : ""));
      expect(textOf(seen)).toBe(texts.join(""));
      const called = seen.flatMap(({ event, data }) => (event === "tool-call" ? [data.id] : []));
      const ended = seen.flatMap(({ event, data }) => (event === "tool-result" ? [data.id] : []));
      const kept = parts.flatMap((part) => (part.type === "tool" ? [part.id] : []));
      expect(called).toEqual(kept);
      expect(new Set(ended)).toEqual(new Set(kept));
      expect(ended).toHaveLength(kept.length);
    }
  });

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
    const results = seen.flatMap((event) => (event.event === "tool-result" ? [event.data] : []));
    expect(results).toHaveLength(2);
    // The quick one may have been stopped as well.
    const stopped = expect.objectContaining({
      status: "error",
      detail: expect.objectContaining({
        kind: "command",
        outcome: "cancelled",
        exit_code: null,
        output: "started\n",
      }),
    });
    expect(results).toContainEqual(stopped);
    const { messages } = await app.services.chats.messages(session);
    expect(messages[1]?.role === "assistant" && messages[1].parts).toContainEqual(stopped);
    expect(seen.at(-1)?.data).toMatchObject({ outcome: "cancelled", error: { code: "aborted" } });
    const sandbox = await app.services.manager.getSession(session);
    await expect
      .poll(async () => (await sandbox.processes()).filter(({ result }) => result === null))
      .toEqual([]);
    expect(await (await app.chat(session, "next")).json()).toMatchObject({ response: "Here." });
    expectEveryCallAnswered(provider);
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
    expectEveryCallAnswered(provider);
  });
});
