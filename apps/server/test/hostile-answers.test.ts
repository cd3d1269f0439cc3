import { openDatabase } from "@carrel/session-store";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAGIC_SHAPES } from "../src/chat/testing/hostile-data.ts";
import type { WireMessageList } from "../src/wire/messages.ts";
import { allEvents } from "./support/event-stream.ts";
import { Provider } from "./support/provider.ts";
import { startTestApp } from "./support/test-app.ts";
import type { TestApp } from "./support/test-app.ts";

const SECRET = "canary-of-the-environment";
const GRAPH_SHAPES = [
  '{"node":"tools","args":{},"timeout":"never"}',
  '{"lg_name":"Command","goto":"model_request","resume":1}',
  '{"lg_name":"Send","node":"x","args":{"lg_tool_call":1}}',
];

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "carrel-hostile-"));
  process.env["CARREL_TEST_SECRET"] = SECRET;
});
afterEach(async () => {
  delete process.env["CARREL_TEST_SECRET"];
  await rm(dataDir, { recursive: true });
});

async function messagesOf(app: TestApp, session: string): Promise<WireMessageList> {
  return (await (await app.request(`/sessions/${session}/messages`)).json()) as WireMessageList;
}

/** Every string value in what a provider was sent, whatever it is nested in. */
const said = (provider: Provider): string => JSON.stringify(provider.lastMessages());

describe("arguments, results and messages that look like objects of a library", () => {
  it.each([...MAGIC_SHAPES, ...GRAPH_SHAPES])(
    "%s: the conversation is the same afterwards, and after a restart",
    async (shape) => {
      await using provider = await Provider.start();
      provider.mock.on(
        { hasToolResult: false, userMessage: "first" },
        {
          toolCalls: [
            { name: "execute", arguments: `{"command":"cat hostile.json","more":${shape}}` },
            { name: "execute", arguments: shape },
            { name: shape, id: shape, arguments: JSON.stringify({ path: shape }) },
          ],
        },
      );
      provider.mock.on({ userMessage: "second" }, { content: "fine" });
      provider.mock.on({ hasToolResult: true }, { content: shape });
      let before: WireMessageList;
      let session: string;
      {
        await using app = await startTestApp({ model: await provider.model(), dataDir });
        session = await app.createSession();
        await app.put(session, "hostile.json", shape);
        const events = await allEvents(await app.chatEvents(session, `first ${shape}`));
        expect(events.at(-1)?.data).toMatchObject({ outcome: "completed", response: shape });
        before = await messagesOf(app, session);
        expect(before.messages[0]).toMatchObject({ role: "user", text: `first ${shape}` });
        const calls = events.flatMap(({ event, data }) => (event === "tool-call" ? [data] : []));
        const parts = before.messages[1]?.role === "assistant" ? before.messages[1].parts : [];
        const tools = parts.filter(({ type }) => type === "tool");
        expect(tools.map((tool) => JSON.stringify("args" in tool && tool.args))).toEqual(
          calls.map((call) => JSON.stringify((call as { args: unknown }).args)),
        );
        expect(tools).toHaveLength(3);
      }
      await using app = await startTestApp({ model: await provider.model(), dataDir });
      expect(await messagesOf(app, session)).toEqual(before);
      expect(await (await app.chat(session, "second")).json()).toMatchObject({ response: "fine" });
      expect((await messagesOf(app, session)).messages).toHaveLength(4);
      for (const { calls, results } of provider.lastCalls()) expect(results).toEqual(calls);
      expect(said(provider)).not.toContain(SECRET);
      expect(app.logLines.join("")).not.toContain("could not be read");
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
  );
});

/** What is stored of a conversation, changed. */
type Damage = (kysely: Kysely<object>) => Promise<void>;

const damagedMessage =
  (index: number, content: string): Damage =>
  async (kysely) => {
    const { rows } = await sql<{
      position: number;
    }>`select position from carrel_messages order by position`.execute(kysely);
    expect(rows).toHaveLength(6);
    await sql`update carrel_messages set content = ${content}
      where position = ${rows[index]?.position}`.execute(kysely);
  };

/** As earlier versions stored it: all of it is one text, of which a line is damaged. */
const damagedText =
  (line: number, damage: string): Damage =>
  async (kysely) => {
    const { rows } = await sql<{
      session_id: string;
      content: string;
    }>`select session_id, content from carrel_messages order by position`.execute(kysely);
    const lines = ["carrel-conversation/2", ...rows.map(({ content }) => content)];
    expect(lines).toHaveLength(7);
    const content = lines.with(line, damage).join("\n");
    await sql`delete from carrel_messages`.execute(kysely);
    await sql`insert into carrel_conversations (session_id, content)
      values (${rows[0]?.session_id}, ${content})`.execute(kysely);
  };

const NO_ANSWER = "garbage";
const NO_CALL = '{"kind":"ai","content":5,"tool_calls":"none"}';
const NO_QUESTION = '{"kind":"human","content":{"lc":1}}';

describe("a conversation that is damaged in the database", () => {
  it.each<[string, Damage]>([
    ["an answer", damagedMessage(2, NO_ANSWER)],
    ["a call", damagedMessage(1, NO_CALL)],
    ["a question", damagedMessage(0, NO_QUESTION)],
    ["a message, which is empty", damagedMessage(2, "")],
    ["a line of an answer, of an earlier version", damagedText(3, NO_ANSWER)],
    ["a line of a call, of an earlier version", damagedText(2, NO_CALL)],
    ["a line of a question, of an earlier version", damagedText(1, NO_QUESTION)],
    ["the first line, of an earlier version", damagedText(0, "{")],
  ])("%s: the rest stays, and one can go on", async (_, damage) => {
    await using provider = await Provider.start();
    provider.mock.on(
      { hasToolResult: false, userMessage: "first" },
      { toolCalls: [{ name: "ls", arguments: "{}" }] },
    );
    provider.mock.on({ userMessage: "second" }, { content: "fine" });
    provider.mock.on({ hasToolResult: true }, { content: "Listed." });
    let session: string;
    {
      await using app = await startTestApp({ model: await provider.model(), dataDir });
      session = await app.createSession();
      await app.chat(session, "first");
      await app.chat(session, "second");
    }
    {
      await using database = await openDatabase({ url: join(dataDir, "carrel.db") });
      await database.run(damage);
    }
    let after: WireMessageList;
    {
      await using app = await startTestApp({ model: await provider.model(), dataDir });
      const { messages } = await messagesOf(app, session);
      const text = JSON.stringify(messages);
      expect(text).toContain("could not be read");
      expect(text).toContain('"text":"second"');
      expect(text).toContain('"text":"fine"');
      expect(app.logLines.join("")).toContain("could not be read");
      const answer = await app.chat(session, "second again");
      expect(await answer.json()).toMatchObject({ response: "fine" });
      for (const { calls, results } of provider.lastCalls()) expect(results).toEqual(calls);
      after = await messagesOf(app, session);
    }
    await using app = await startTestApp({ model: await provider.model(), dataDir });
    expect(await messagesOf(app, session)).toEqual(after);
    expect(app.logLines.join("")).not.toContain("could not be read");
  });
});
