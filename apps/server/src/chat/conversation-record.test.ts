import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage, MessageContent } from "@langchain/core/messages";
import { MemorySaver, emptyCheckpoint } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { readConversation, writeConversation } from "./conversation-record.ts";
import type { ConversationStore } from "./conversation-store.ts";
import { LatestCheckpointSaver } from "./latest-checkpoint-saver.ts";
import { UNREADABLE_MESSAGE, messageRecord } from "./message-record.ts";
import { textOf } from "./message-text.ts";
import { LEFT_OUT_DATA, MAX_DATA_DEPTH, MAX_DATA_VALUES } from "./plain-data.ts";
import {
  MAGIC_SHAPES,
  hostileObject,
  hostileText,
  hostileValue,
  seededRandom,
} from "./testing/hostile-data.ts";

const SEEDS = 300;
const SECRET = "canary-of-the-environment";

const EMPTY_STORE: ConversationStore = {
  load: async () => null,
  change: async () => {},
  delete: async () => {},
  deleteOrphans: async () => {},
};

/** Without prototypes of its own, so that a forged object is seen. */
const asData = (messages: readonly BaseMessage[]): string[] =>
  messages.map((message) => JSON.stringify(messageRecord(message)));

function hostileMessages(random: () => number): BaseMessage[] {
  const content = (): MessageContent =>
    random() < 0.5
      ? hostileText(random)
      : [
          { type: "text", text: hostileText(random) },
          { ...hostileObject(random), type: hostileText(random) },
        ];
  const fields = (id: string) => ({
    id,
    content: content(),
    additional_kwargs: hostileObject(random),
    response_metadata: hostileObject(random),
  });
  const callIds = [`a${hostileText(random)}`, `b${hostileText(random)}`];
  const ai = new AIMessage({
    ...fields("ai"),
    tool_calls: callIds.map((id) => ({
      name: hostileText(random),
      args: hostileObject(random),
      id,
      type: "tool_call" as const,
    })),
    invalid_tool_calls: [
      {
        name: hostileText(random),
        args: hostileText(random),
        id: hostileText(random),
        type: "invalid_tool_call",
      },
    ],
  });
  const results = callIds.map(
    (id) =>
      new ToolMessage({
        ...fields(`result of ${id}`),
        tool_call_id: id,
        name: hostileText(random),
        artifact: hostileValue(random),
        status: random() < 0.5 ? "error" : "success",
      }),
  );
  return [new HumanMessage(fields("human")), ai, ...results, new SystemMessage(fields("system"))];
}

describe("a stored conversation", () => {
  it("save and load: every hostile text and value comes back as it was", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const messages = hostileMessages(seededRandom(seed));
      const { messages: read, damaged } = readConversation(writeConversation(messages));
      expect({ seed, damaged, read: asData(read) }).toEqual({
        seed,
        damaged: 0,
        read: asData(messages),
      });
      expect(read.map(({ type }) => type)).toEqual(["human", "ai", "tool", "tool", "system"]);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("state of the graph: every hostile text and value comes back as it was", async () => {
    process.env["CARREL_TEST_SECRET"] = SECRET;
    const saver = new LatestCheckpointSaver(EMPTY_STORE);
    const config = { configurable: { thread_id: "s", checkpoint_ns: "" } };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = seededRandom(seed);
      const state = { messages: hostileMessages(random), data: hostileValue(random) };
      const before = [asData(state.messages), JSON.stringify(state.data)];
      const checkpoint = { ...emptyCheckpoint(), channel_values: state };
      const saved = await saver.put(config, checkpoint, { source: "loop", step: 1, parents: {} });
      await saver.putWrites(saved, [["messages", state.messages]], "task");
      const tuple = await saver.getTuple(config);
      const read = tuple?.checkpoint.channel_values as typeof state;
      expect([asData(read.messages), JSON.stringify(read.data)]).toEqual(before);
      expect(tuple?.pendingWrites).toEqual([["task", "messages", state.messages]]);
      expect(JSON.stringify(read)).not.toContain(SECRET);
    }
    delete process.env["CARREL_TEST_SECRET"];
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("data that is too deep or too much: is cut, and the rest stays", () => {
    const deep = JSON.parse("[".repeat(5000) + "]".repeat(5000)) as unknown;
    const many = Array.from({ length: 2 * MAX_DATA_VALUES }, () => ({}));
    const round: Record<string, unknown> = { name: "round" };
    round["round"] = round;
    const messages = [
      new HumanMessage({ id: "1", content: "a", additional_kwargs: { deep } }),
      new AIMessage({ id: "2", content: "b", additional_kwargs: { many } }),
      new ToolMessage({ id: "3", content: "c", tool_call_id: "x", artifact: round }),
    ];
    const content = writeConversation(messages);
    expect(content.length).toBeLessThan(10 * MAX_DATA_VALUES);
    expect(content.split(LEFT_OUT_DATA).length).toBeGreaterThan(3);
    const { messages: read, damaged } = readConversation(content);
    expect(damaged).toBe(0);
    expect(read.map(textOf)).toEqual(["a", "b", "c"]);
    expect(MAX_DATA_DEPTH).toBeLessThan(100);
  });
});

const call = (id: string) => ({ id, name: "ls", args: {}, type: "tool_call" as const });
const WHOLE = [
  new HumanMessage({ id: "h1", content: "first" }),
  new AIMessage({ id: "a1", content: "", tool_calls: [call("1"), call("2")] }),
  new ToolMessage({ id: "t1", tool_call_id: "1", content: "one" }),
  new ToolMessage({ id: "t2", tool_call_id: "2", content: "two" }),
  new AIMessage({ id: "a2", content: "answer" }),
  new HumanMessage({ id: "h2", content: "second" }),
  new AIMessage({ id: "a3", content: "end" }),
];

describe("a conversation that is damaged", () => {
  const lines = writeConversation(WHOLE).split("\n");

  it.each([
    "garbage",
    "",
    "null",
    "[]",
    "7",
    '"text"',
    "{}",
    '{"kind":"nosuch","content":"x"}',
    '{"kind":"ai","content":{"lc":1}}',
    '{"kind":"ai","content":[5,null,{"type":{}}],"tool_calls":{"length":9}}',
    '{"kind":"human","content":7,"id":{}}',
    '{"kind":"tool","content":"x"}',
    '{"kind":"system","content":"x","additional_kwargs":[]}',
    '{"kind":"remove","id":"h1"}',
    '{"kind":"ai","content":"x","id":"h1","__proto__":{"kind":"human"}}',
    '{"kind":"ai","content":"x","response_metadata":{"output_version":"v1"},"tool_calls":[{"name":1}]}',
  ])("one line is %s: the other messages stay", (damage) => {
    for (let index = 1; index < lines.length; index++) {
      const { messages } = readConversation(lines.with(index, damage).join("\n"));
      const texts = messages.map(textOf);
      const others = WHOLE.filter((_, at) => at !== index - 1).map(textOf);
      expect(texts.filter((text) => others.includes(text))).toEqual(
        expect.arrayContaining(others.filter((text) => text !== "")),
      );
      expect(messages[0]?.type).toBe("human");
      expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
    }
  });

  it("is cut at any byte: what came before is read, and nothing throws", () => {
    const whole = lines.join("\n");
    for (let length = 0; length < whole.length; length += 7) {
      const { messages } = readConversation(whole.slice(0, length));
      const completeLines = whole.slice(0, length).split("\n").length - 2;
      expect(messages.length).toBeGreaterThanOrEqual(completeLines);
    }
  });

  it("a message of which a part is lost: its calls that can be read stay", () => {
    const damage = JSON.stringify({
      kind: "ai",
      id: "a1",
      content: "I look",
      tool_calls: [
        { name: "ls", args: {}, id: "1" },
        { name: "ls", args: "no data", id: "2" },
      ],
    });
    const { messages, damaged } = readConversation(lines.with(2, damage).join("\n"));
    expect(damaged).toBe(1);
    const answer = messages[1] as AIMessage;
    expect(answer.text).toBe(`I look\n${UNREADABLE_MESSAGE}`);
    expect(answer.tool_calls?.map(({ id }) => id)).toEqual(["1"]);
  });

  it("nothing of it can be read: a note says so", () => {
    for (const content of ["", "\n\n", "garbage", '{"":["1"]}', "{", "[]"]) {
      const { messages, damaged } = readConversation(content);
      expect(messages.map(({ type }) => type)[0]).toBe("human");
      expect(messages.map(textOf)).toContain(UNREADABLE_MESSAGE);
      expect(damaged).toBeGreaterThan(0);
    }
  });
});

/** As version 0.1 wrote it: LangGraph's own checkpoint. */
async function legacyContent(messages: readonly BaseMessage[]): Promise<string> {
  const saver = new MemorySaver();
  const checkpoint = { ...emptyCheckpoint(), channel_values: { messages } };
  const config = { configurable: { thread_id: "s", checkpoint_ns: "" } };
  await saver.put(config, checkpoint, { source: "loop", step: 1, parents: {} });
  const [id, [bytes, metadata]] = Object.entries(saver.storage["s"]?.[""] ?? {})[0] as [
    string,
    [Uint8Array, Uint8Array, string | undefined],
  ];
  const text = (part: Uint8Array): string => Buffer.from(part).toString("utf8");
  return JSON.stringify({ "": [id, text(bytes), text(metadata), null] });
}

describe("a conversation that version 0.1 wrote", () => {
  it("is read as it was, whatever its arguments look like", async () => {
    const args = Object.fromEntries(
      MAGIC_SHAPES.map((shape, index) => [`n${index}`, JSON.parse(shape) as unknown]),
    );
    // JSON of that version had no property of this name.
    delete args["n13"];
    const messages = [
      ...WHOLE,
      new AIMessage({
        id: "a4",
        content: [{ type: "text", text: "x" }],
        tool_calls: [{ ...call("3"), args }],
        response_metadata: { carrel_turn: { outcome: "cancelled", error: null } },
      }),
      new ToolMessage({
        id: "t3",
        tool_call_id: "3",
        name: "ls",
        content: "y",
        status: "error",
        artifact: { kind: "command", nothing: undefined },
      }),
    ];
    const { messages: read, damaged } = readConversation(await legacyContent(messages));
    expect(damaged).toBe(0);
    expect(asData(read).map((each) => JSON.parse(each) as unknown)).toEqual(
      asData(messages).map((each) => JSON.parse(each) as unknown),
    );
  });

  it("has a message of an unknown class: the others stay", async () => {
    const content = await legacyContent(WHOLE);
    const forged = content.replaceAll("SystemMessage", "Nosuch").replace("ToolMessage", "Nosuch");
    const { messages, damaged } = readConversation(forged);
    expect(damaged).toBe(1);
    expect(messages).toHaveLength(WHOLE.length);
    expect(messages.map(textOf)).toEqual(
      WHOLE.map((message, index) => (index === 2 ? UNREADABLE_MESSAGE : textOf(message))),
    );
  });
});
