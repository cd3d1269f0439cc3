import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import { pairCalls } from "./pair-calls.ts";

const user = new HumanMessage({ id: "u", content: "go" });
const calling = (...ids: string[]): AIMessage =>
  new AIMessage({
    content: "",
    tool_calls: ids.map((id) => ({ id, name: "ls", args: {}, type: "tool_call" })),
  });
const result = (id: string): ToolMessage => new ToolMessage({ tool_call_id: id, content: id });
const shown = (messages: readonly BaseMessage[]): string[] =>
  messages.map((message) => {
    if (ToolMessage.isInstance(message)) return `${message.tool_call_id}: ${message.text}`;
    const calls = AIMessage.isInstance(message) ? (message.tool_calls ?? []) : [];
    return [message.type, ...calls.map(({ id }) => id)].join(" ");
  });

describe("pairs of calls and results", () => {
  it("a whole history: stays as it is", () => {
    const turn = [user, calling("1", "2"), result("1"), result("2"), calling("3"), result("3")];
    expect(pairCalls(turn)).toEqual(turn);
  });

  it("a result without its call: is left out", () => {
    expect(shown(pairCalls([user, result("1"), new AIMessage("x"), result("2")]))).toEqual([
      "human",
      "ai",
    ]);
  });

  it("a call without its result: gets a note for one", () => {
    expect(shown(pairCalls([user, calling("1", "2"), new AIMessage("x"), result("2")]))).toEqual([
      "human",
      "ai 1 2",
      expect.stringMatching(/^1: \[The result of this call is lost/),
      "2: 2",
      "ai",
    ]);
  });

  it("two calls of one id, and two results: only the first of each stays", () => {
    const turn = [user, calling("1"), result("1"), result("1"), calling("1"), calling("")];
    expect(shown(pairCalls(turn))).toEqual(["human", "ai 1", "1: 1", "ai", "ai"]);
  });
});
