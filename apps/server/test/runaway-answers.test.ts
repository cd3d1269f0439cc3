import { describe, expect, it } from "vitest";
import { MAX_CALLS_PER_ANSWER } from "../src/chat/plain-answer.ts";
import { allEvents, textOf } from "./support/event-stream.ts";
import { Provider } from "./support/provider.ts";
import { PiecesModel } from "./support/pieces-model.ts";
import { startTestApp } from "./support/test-app.ts";

const nested = (depth: number): string =>
  `{"command":"echo x","more":${"[".repeat(depth)}${"]".repeat(depth)}}`;

// Each of the commands is an interpreter of its own.
const TIMEOUT_MS = 120_000;

describe("an answer with very many calls of tools", { timeout: TIMEOUT_MS }, () => {
  it("runs the first of them, a few at a time, and refuses the rest", async () => {
    await using provider = await Provider.start();
    const command = "touch on.$$; ls on.* | wc -l >> counts; sleep 0.2; rm on.$$; echo ran >> ran";
    const toolCalls = Array.from({ length: 300 }, () => ({
      name: "execute",
      arguments: JSON.stringify({ command }),
    }));
    provider.mock.on({ userMessage: "go", hasToolResult: false }, { toolCalls });
    provider.mock.on({ userMessage: "next" }, { content: "Here." });
    provider.mock.on({ hasToolResult: true }, { content: "That was much." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "go"));
    expect(textOf(events)).toBe("That was much.");
    const results = events.flatMap((event) => (event.event === "tool-result" ? [event.data] : []));
    expect(results).toHaveLength(300);
    const refused = results.filter(({ content }) => content.includes("32 calls"));
    expect(refused).toHaveLength(300 - MAX_CALLS_PER_ANSWER);
    expect(refused.every(({ status }) => status === "error")).toBe(true);
    const sandbox = await app.services.manager.getSession(session);
    expect((await sandbox.execute("wc -l < ran")).stdout.trim()).toBe(String(MAX_CALLS_PER_ANSWER));
    const counts = (await sandbox.execute("cat counts")).stdout.trim().split("\n").map(Number);
    expect(Math.max(...counts)).toBeLessThanOrEqual(8);
    expect(await (await app.chat(session, "next")).json()).toMatchObject({ response: "Here." });
    for (const { calls, results: given } of provider.lastCalls()) expect(given).toEqual(calls);
  });

  it("is answered in full also where its ids were used in an earlier turn", async () => {
    await using provider = await Provider.start();
    const toolCalls = [{ id: "call_0", name: "ls", arguments: "{}" }];
    provider.mock.on({ hasToolResult: false }, { toolCalls });
    provider.mock.on({ hasToolResult: true }, { content: "Listed." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    await allEvents(await app.chatEvents(session, "one"));
    const events = await allEvents(await app.chatEvents(session, "two"));
    expect(events.filter(({ event }) => event === "tool-result")).toHaveLength(1);
    expect(events.at(-1)?.data).toMatchObject({ outcome: "completed", response: "Listed." });
    const ids = provider.lastCalls().flatMap(({ calls }) => calls);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("a call whose arguments are nested deeply", () => {
  it.each([30, 60, 5000])("(%i levels) is refused, and one can go on", async (depth) => {
    await using provider = await Provider.start();
    provider.mock.on(
      { userMessage: "go", hasToolResult: false },
      { toolCalls: [{ name: "execute", arguments: nested(depth) }] },
    );
    provider.mock.on({ userMessage: "next" }, { content: "Here." });
    provider.mock.on({ hasToolResult: true }, { content: "I will keep it flat." });
    await using app = await startTestApp({ model: await provider.model() });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "go"));
    expect(events.find(({ event }) => event === "tool-call")?.data).toMatchObject({ args: {} });
    expect(events.find(({ event }) => event === "tool-result")?.data).toMatchObject({
      status: "error",
      content: expect.stringContaining("nested"),
    });
    expect(events.at(-1)?.data).toMatchObject({ outcome: "completed" });
    expect((await app.request(`/sessions/${session}/messages`)).status).toBe(200);
    expect(await (await app.chat(session, "next")).json()).toMatchObject({ response: "Here." });
  });
});

describe("an answer that is streamed without end", { timeout: TIMEOUT_MS }, () => {
  it("in arguments of a call: ends its turn with an error, and others go on", async () => {
    const model = new PiecesModel(({ text }) =>
      text === "fine"
        ? { pieces: 1, text: "fine" }
        : { pieces: 100, args: "x".repeat(1024 * 1024) },
    );
    await using app = await startTestApp({ model: model.chosen() });
    const [session, other] = [await app.createSession("a"), await app.createSession("b")];
    const turn = app.chatEvents(session, "go").then(allEvents);
    expect(await (await app.chat(other, "fine")).json()).toMatchObject({ response: "fine" });
    expect((await turn).at(-1)?.data).toMatchObject({
      outcome: "failed",
      error: { code: "too-large", message: expect.stringContaining("streamed more") },
    });
    expect(model.sent).toBeLessThan(100);
    expect(await (await app.chat(session, "fine")).json()).toMatchObject({ response: "fine" });
  });

  it("in pieces of one character: makes few events, which have all of it", async () => {
    const model = new PiecesModel(() => ({ pieces: 30_000, text: "x" }));
    await using app = await startTestApp({ model: model.chosen() });
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "go"));
    expect(textOf(events)).toBe("x".repeat(30_000));
    expect(events.length).toBeLessThan(3000);
    expect(events.at(-1)?.data).toMatchObject({ outcome: "completed" });
  });
});
