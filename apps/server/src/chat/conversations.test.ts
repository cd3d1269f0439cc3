import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { createAgent } from "langchain";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessionStore, openDatabase } from "@carrel/session-store";
import type { Database } from "@carrel/session-store";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeConversation } from "./conversation-record.ts";
import { openConversationStore } from "./conversation-store.ts";
import type { ConversationChange } from "./conversation-store.ts";
import { Conversations, threadConfig } from "./conversations.ts";
import type { ConversationBounds } from "./conversations.ts";
import { LatestCheckpointSaver } from "./latest-checkpoint-saver.ts";
import { wireMessages } from "./wire-messages.ts";

const ROOMY: ConversationBounds = { maxConversationBytes: 1e6, maxTotalBytes: 1e7 };

let directory: string;
let database: Database;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "carrel-conversations-"));
  database = await openDatabase({ url: join(directory, "carrel.db") });
});
afterEach(async () => {
  await database[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** As a server does when it starts, on what is in the database. */
async function start(bounds: ConversationBounds, answer: string) {
  const store = await openConversationStore(database);
  const damages: number[] = [];
  const saver = new LatestCheckpointSaver(store, {
    onDamage: ({ messages }) => void damages.push(messages),
  });
  const model = new FakeListChatModel({ responses: [answer] });
  const agent = createAgent({ model, tools: [], checkpointer: saver });
  const conversations = new Conversations(agent.graph, saver, bounds);
  const say = async (session: string, text: string): Promise<void> => {
    const messages = await conversations.opening(session, randomUUID(), text);
    await agent.invoke({ messages }, threadConfig(session));
  };
  const texts = async (session: string): Promise<string[]> =>
    (await conversations.turns(session)).flatMap(({ messages }) =>
      messages.map(({ text }) => text),
    );
  return { agent, store, saver, conversations, damages, say, texts };
}

/** The rows of a conversation in the database: what stands in each, by its position. */
async function storedRows(session: string): Promise<[position: number, content: string][]> {
  const store = await openConversationStore(database);
  const stored = await store.load(session);
  return (stored?.messages ?? []).map(({ position, content }) => [position, content]);
}

describe("what is stored of a conversation", () => {
  it("turns that follow each other: each writes its own messages, and no others again", async () => {
    const { store, say } = await start(ROOMY, "yes");
    const changes: ConversationChange[] = [];
    const change = store.change.bind(store);
    store.change = (session, one) => {
      changes.push(one);
      return change(session, one);
    };
    for (let turn = 1; turn <= 20; turn++) await say("s", `question ${turn}`);
    expect(changes.every(({ removed }) => removed.length === 0)).toBe(true);
    expect(changes.flatMap(({ added }) => added)).toHaveLength(40);
    expect((await storedRows("s")).map(([position]) => position)).toEqual(
      Array.from({ length: 40 }, (_, index) => index),
    );
    const after = await start(ROOMY, "no");
    await after.say("s", "after a restart");
    expect((await storedRows("s")).map(([position]) => position)).toEqual(
      Array.from({ length: 42 }, (_, index) => index),
    );
  });

  it("turns that were forgotten: are in no row", async () => {
    const bounds = { ...ROOMY, maxConversationBytes: 20_000 };
    const { say, texts } = await start(bounds, "x".repeat(1000));
    for (let turn = 1; turn <= 40; turn++) await say("s", `question ${turn}`);
    const rows = await storedRows("s");
    expect(rows.length).toBe((await texts("s")).length);
    expect(rows.length).toBeLessThan(40);
    expect(JSON.stringify(rows)).not.toContain('question 1"');
    const after = await start(bounds, "no");
    expect(await after.texts("s")).toEqual(await texts("s"));
  });

  it("a message that is replaced: is stored as it is now, with what follows it", async () => {
    const { agent, say, texts } = await start(ROOMY, "yes");
    for (const text of ["first", "second"]) await say("s", text);
    const { values } = (await agent.graph.getState(threadConfig("s"))) as {
      values: { messages: AIMessage[] };
    };
    const id = values.messages[1]?.id ?? "";
    const message = new AIMessage({ id, content: "never" });
    await agent.graph.updateState(threadConfig("s"), { messages: [message] }, "model_request");
    expect(await texts("s")).toEqual(["first", "never", "second", "yes"]);
    const after = await start(ROOMY, "no");
    expect(await after.texts("s")).toEqual(["first", "never", "second", "yes"]);
  });

  it("a write that failed half-way: is made good by the next", async () => {
    const { store, say, texts } = await start(ROOMY, "yes");
    await say("s", "first");
    const change = store.change.bind(store);
    store.change = async (session, one) => {
      await change(session, one);
      store.change = change;
      throw new Error("The connection broke off.");
    };
    await expect(say("s", "second")).rejects.toThrow("broke off");
    await say("s", "third");
    const after = await start(ROOMY, "no");
    expect(await after.texts("s")).toEqual(await texts("s"));
    expect((await after.texts("s")).slice(-2)).toEqual(["third", "yes"]);
  });

  it("a text of an earlier version: is read, and its messages take its place", async () => {
    const old = [
      new HumanMessage({ id: "h", content: "before" }),
      new AIMessage({ id: "a", content: "long ago" }),
    ];
    await openConversationStore(database);
    const content = writeConversation(old);
    await database.run((kysely) =>
      sql`insert into carrel_conversations (session_id, content) values ('s', ${content})`.execute(
        kysely,
      ),
    );
    const { say, texts } = await start(ROOMY, "yes");
    expect(await texts("s")).toEqual(["before", "long ago"]);
    await say("s", "now");
    const left = await database.run((kysely) =>
      sql`select * from carrel_conversations`.execute(kysely),
    );
    expect(left.rows).toEqual([]);
    const after = await start(ROOMY, "no");
    expect(await after.texts("s")).toEqual(["before", "long ago", "now", "yes"]);
  });
});

describe("a conversation", () => {
  it("goes on over many turns, and is kept once and not once for each step", async () => {
    const { saver, say, texts } = await start(ROOMY, "yes");
    for (let turn = 1; turn <= 20; turn++) await say("s", `question ${turn}`);
    expect(await texts("s")).toHaveLength(40);
    expect(Object.keys(saver.storage["s"]?.[""] ?? {})).toHaveLength(2);
    expect(saver.sizeOf("s")).toBeGreaterThan(1000);
    expect(saver.totalBytes).toBeGreaterThan(saver.sizeOf("s"));
    saver.settle(() => true);
    expect(Object.keys(saver.storage["s"]?.[""] ?? {})).toHaveLength(2);
    saver.settle(() => false);
    expect(Object.keys(saver.storage["s"]?.[""] ?? {})).toHaveLength(1);
    expect(saver.writes).toEqual({});
    expect(saver.totalBytes).toBeLessThan(saver.sizeOf("s") + 2000);
  });

  it("loses its oldest turns when it outgrows its bound", async () => {
    const { saver, say, texts } = await start(
      { ...ROOMY, maxConversationBytes: 20_000 },
      "x".repeat(1000),
    );
    for (let turn = 1; turn <= 40; turn++) await say("s", `question ${turn}`);
    const kept = await texts("s");
    expect(kept.at(-2)).toBe("question 40");
    expect(kept).not.toContain("question 1");
    expect(kept[0]).toMatch(/^question/);
    expect(saver.sizeOf("s")).toBeLessThan(40_000);
  });

  it("that rested longest leaves memory when all outgrow their bound, and busy ones stay", async () => {
    const { saver, conversations, say, texts } = await start(
      { ...ROOMY, maxTotalBytes: 18_000 },
      "x".repeat(3000),
    );
    for (const session of ["a", "b", "c", "d"]) await say(session, "hello");
    await say("b", "again");
    await conversations.unloadOutgrown((session) => session === "a");
    expect(saver.threadIds).toEqual(["a", "b"]);
    for (const session of ["a", "b", "c", "d"]) expect(await texts(session)).toContain("hello");
  });

  it("goes on after the server ended, at any time", async () => {
    const before = await start(ROOMY, "yes");
    await before.say("s", "first");
    await before.say("s", "second");
    const after = await start(ROOMY, "no");
    await after.say("s", "third");
    expect(await after.texts("s")).toEqual(["first", "yes", "second", "yes", "third", "no"]);
  });

  it("is closed where the server was killed in the middle of a turn", async () => {
    const before = await start(ROOMY, "yes");
    const call = { id: "1", name: "execute", args: {}, type: "tool_call" as const };
    const messages = [
      ...(await before.conversations.opening("s", "turn", "go")),
      new AIMessage({ id: "a", content: "", tool_calls: [call] }),
    ];
    await before.agent.graph.updateState(threadConfig("s"), { messages }, "model_request");
    const { conversations, say, texts } = await start(ROOMY, "yes");
    await Promise.all([conversations.mend("s"), conversations.mend("s")]);
    const [turn] = await conversations.turns("s");
    expect(turn?.messages.map(({ type }) => type)).toEqual(["human", "ai", "tool", "ai"]);
    expect(wireMessages(turn ? [turn] : []).at(-1)).toMatchObject({
      outcome: "failed",
      error: { code: "unavailable" },
    });
    await say("s", "again");
    expect((await texts("s")).slice(-2)).toEqual(["again", "yes"]);
  });

  it("is deleted where its session ended while no server ran", async () => {
    await using sessions = await createSessionStore(database);
    const ceilings = { maxOpenSessions: 10, maxOpenSessionsPerUser: 10 };
    await sessions.open({ id: "open", key: "k", userId: "k", scope: "user" }, ceilings);
    const { store, say } = await start(ROOMY, "yes");
    for (const session of ["open", "ended"]) await say(session, "hello");
    await store.deleteOrphans();
    expect(JSON.stringify(await store.load("open"))).toContain("hello");
    expect(await store.load("ended")).toBeNull();
  });

  it("that is forgotten leaves nothing", async () => {
    const { store, saver, conversations, say, texts } = await start(ROOMY, "yes");
    await say("s", "canary");
    await conversations.forget("s");
    expect(await texts("s")).toEqual([]);
    expect(JSON.stringify([saver.storage, saver.writes])).not.toContain("canary");
    expect(saver.totalBytes).toBe(0);
    expect(await store.load("s")).toBeNull();
  });

  it("of a session that never spoke is empty", async () => {
    const { texts } = await start(ROOMY, "yes");
    for (const session of ["s", "ses_x"]) expect(await texts(session)).toEqual([]);
  });

  it("is made whole where a turn stopped in the middle of its calls", async () => {
    const { agent, conversations } = await start(ROOMY, "yes");
    const call = (id: string) => ({ id, name: "execute", args: {}, type: "tool_call" as const });
    const messages = [
      ...(await conversations.opening("s", "turn", "go")),
      new AIMessage({ id: "a", content: "", tool_calls: [call("1"), call("2")] }),
    ];
    await agent.graph.updateState(threadConfig("s"), { messages }, "model_request");
    const record = { outcome: "cancelled", error: null } as const;
    const added = await conversations.close("s", {
      turnId: "turn",
      message: "go",
      partialText: "half",
      record,
      artifactOf: () => undefined,
    });
    expect(added.map(({ tool_call_id: id, status }) => [id, status])).toEqual([
      ["1", "error"],
      ["2", "error"],
    ]);
    const [turn] = await conversations.turns("s");
    expect(turn?.messages.map((message) => message.type)).toEqual([
      "human",
      "ai",
      "tool",
      "tool",
      "ai",
    ]);
    expect(turn?.messages.at(-1)?.text).toBe("half");
  });

  it("is kept whatever is nested in it, which is cut where it is too deep", async () => {
    const { agent, say, texts } = await start(ROOMY, "yes");
    await say("s", "before");
    const deep = JSON.parse("[".repeat(5000) + "]".repeat(5000)) as unknown;
    const message = new AIMessage({ content: "deep", additional_kwargs: { deep } });
    await agent.graph.updateState(threadConfig("s"), { messages: [message] }, "model_request");
    await say("s", "again");
    expect(await texts("s")).toEqual(["before", "yes", "deep", "again", "yes"]);
    const after = await start(ROOMY, "no");
    expect(await after.texts("s")).toEqual(["before", "yes", "deep", "again", "yes"]);
  });

  it("has a turn that was stopped before its first step", async () => {
    const { conversations, say, texts } = await start(ROOMY, "yes");
    const record = { outcome: "cancelled", error: null } as const;
    const stopped = {
      turnId: "first",
      message: "hello?",
      partialText: "",
      record,
      artifactOf: () => undefined,
    };
    expect(await conversations.close("s", stopped)).toEqual([]);
    await say("s", "again");
    await conversations.close("s", { ...stopped, turnId: "third" });
    expect(await texts("s")).toEqual(["hello?", "", "again", "yes", "hello?", ""]);
    const turns = await conversations.turns("s");
    expect(turns.map(({ messages }) => messages.length)).toEqual([2, 2, 2]);
  });
});
