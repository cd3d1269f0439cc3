import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import { fitModelContext } from "./model-context.ts";
import { withTurnRecord } from "./turn-record.ts";

const user = (text: string): HumanMessage => new HumanMessage(text);
const agent = (text: string): AIMessage => new AIMessage(text);
const calling = (id: string): AIMessage =>
  new AIMessage({ content: "", tool_calls: [{ id, name: "ls", args: {}, type: "tool_call" }] });
const result = (id: string, content: string): ToolMessage =>
  new ToolMessage({ tool_call_id: id, content });
const texts = (messages: readonly BaseMessage[]): string[] => messages.map(({ text }) => text);

describe("what a model is sent", () => {
  it("is the whole conversation where that fits", () => {
    const messages = [user("a"), agent("b"), user("c")];
    expect(texts(fitModelContext(messages))).toEqual(["a", "b", "c"]);
  });

  it("is the latest turns that fit, whole", () => {
    const long = "x".repeat(60);
    const messages = [
      user("1"),
      agent(long),
      user("2"),
      agent(long),
      user("3"),
      agent("y"),
      user("4"),
    ];
    expect(texts(fitModelContext(messages, 100))).toEqual(["2", long, "3", "y", "4"]);
  });

  it("always has the turn that runs, less its older results where those are too long", () => {
    const ids = ["a", "b", "c", "d", "e", "f"];
    const long = "x".repeat(1000);
    const messages = [
      user("before"),
      agent("answer"),
      user("now"),
      ...ids.flatMap((id) => [calling(id), result(id, long)]),
    ];
    const sent = fitModelContext(messages, 4500);
    expect(sent[0]?.text).toBe("now");
    const results = sent.filter((message) => ToolMessage.isInstance(message));
    expect(results.map(({ tool_call_id: id }) => id)).toEqual(ids);
    expect(results.map(({ text }) => text === long)).toEqual([
      false,
      false,
      true,
      true,
      true,
      true,
    ]);
  });

  it("tells in words how a turn was stopped", () => {
    const stopped = new AIMessage({
      content: "I was about",
      response_metadata: withTurnRecord({ outcome: "cancelled", error: null }),
    });
    const failed = new AIMessage({
      content: "",
      response_metadata: withTurnRecord({
        outcome: "failed",
        error: { code: "unavailable", message: "secret reason" },
      }),
    });
    const sent = texts(fitModelContext([user("a"), stopped, user("b"), failed, user("c")]));
    expect(sent).toEqual([
      "a",
      expect.stringMatching(/^I was about\n\[The user stopped/),
      "b",
      expect.stringMatching(/^\[This turn failed/),
      "c",
    ]);
    expect(sent.join()).not.toContain("secret reason");
  });

  it("has no empty answers, which providers refuse", () => {
    expect(texts(fitModelContext([user("a"), agent(""), user("b")]))).toEqual(["a", "b"]);
  });
});
