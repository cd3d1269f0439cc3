import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import { callRefusal, isPlainAnswer, plainAnswer } from "./plain-answer.ts";

const call = (id: string | undefined) => ({
  name: "ls",
  args: {},
  type: "tool_call" as const,
  ...(id !== undefined && { id }),
});

describe("an answer as it goes into the history", () => {
  it("keeps what was said, under an id that no other has", () => {
    const given = new AIMessage({ id: "chatcmpl-0", content: "Hi" });
    const [one, other] = [plainAnswer(given), plainAnswer(given)];
    expect(one.text).toBe("Hi");
    expect(one.id).not.toBe(other.id);
    expect([one, other, given].map((message) => isPlainAnswer(message))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("gives calls without an id or with another's id one of their own", () => {
    const answer = plainAnswer(
      new AIMessage({ content: "", tool_calls: [call("a"), call("a"), call(""), call(undefined)] }),
    );
    const ids = answer.tool_calls?.map(({ id }) => id);
    expect(ids?.[0]).toBe("a");
    expect(new Set(ids).size).toBe(4);
    expect(ids?.every((id) => id !== undefined && id !== "")).toBe(true);
  });

  it("knows calls whose arguments are half a JSON text", () => {
    const whole = {
      name: "ls",
      args: '{"path":"a"}',
      id: "whole",
      index: 0,
      type: "tool_call_chunk" as const,
    };
    const half = {
      name: "ls",
      args: '{"path":"a',
      id: "half",
      index: 1,
      type: "tool_call_chunk" as const,
    };
    const none = { name: "ls", args: "", id: "none", index: 2, type: "tool_call_chunk" as const };
    const wild = {
      name: "ls",
      args: "no JSON",
      id: "wild",
      index: 3,
      type: "tool_call_chunk" as const,
    };
    const answer = plainAnswer(
      new AIMessageChunk({ content: "", tool_call_chunks: [whole, half, none, wild] }),
    );
    const malformed = answer.tool_calls?.filter(({ id }) => callRefusal(answer, id) === "cut");
    expect(malformed?.map(({ id }) => id).toSorted()).toEqual(["half", "wild"]);
  });

  it("knows that the last call of an answer which was too long is not whole", () => {
    for (const metadata of [{ finish_reason: "length" }, { status: "incomplete" }]) {
      const answer = plainAnswer(
        new AIMessage({
          content: "",
          tool_calls: [call("a"), call("b")],
          response_metadata: metadata,
        }),
      );
      expect(callRefusal(answer, "a")).toBeNull();
      expect(callRefusal(answer, "b")).toBe("cut");
    }
  });

  it("gives a call another id than those that the conversation has", () => {
    const given = new AIMessage({ content: "", tool_calls: [call("a"), call("b")] });
    const ids = plainAnswer(given, ["a"]).tool_calls?.map(({ id }) => id);
    expect(ids?.[0]).not.toBe("a");
    expect(ids?.[1]).toBe("b");
  });

  it("takes deep arguments out of calls and content, and those that contain themselves", () => {
    const deep = (levels: number): unknown =>
      JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
    const round: Record<string, unknown> = {};
    round["round"] = round;
    const args = [{ deep: deep(10) }, { deep: deep(25) }, { deep: deep(5000) }, round];
    const answer = plainAnswer(
      new AIMessage({
        content: [
          { type: "text", text: "x" },
          { type: "tool_use", id: "1", name: "ls", input: { deep: deep(25) } },
        ],
        tool_calls: args.map((each, index) => ({ ...call(String(index)), args: each })),
      }),
    );
    expect(answer.tool_calls?.map((each) => each.args)).toEqual([args[0], {}, {}, {}]);
    const refusals = answer.tool_calls?.map(({ id }) => callRefusal(answer, id));
    expect(refusals).toEqual([null, "nested", "nested", "nested"]);
    expect(answer.content).toEqual([{ type: "text", text: "x" }]);
  });

  it("does not repeat the calls in a provider's own form, which would bring them back", () => {
    const answer = plainAnswer(
      new AIMessage({ content: "x", additional_kwargs: { tool_calls: [], refusal: "no" } }),
    );
    expect(answer.additional_kwargs).toEqual({ refusal: "no" });
  });

  it("arguments that are no object, or of which the graph makes instructions: are not done", () => {
    const args = [
      [1],
      "text",
      null,
      { node: "tools", args: {} },
      { path: [{ deep: { lg_name: "Command", goto: "model_request" } }] },
      { many: Array.from({ length: 20_000 }, () => ({})) },
      { node: "tools", path: "a" },
      JSON.parse('{"__proto__":{"node":"x","args":1}}'),
    ] as Record<string, unknown>[];
    const answer = plainAnswer(
      new AIMessage({
        content: "",
        tool_calls: args.map((each, index) => ({ ...call(String(index)), args: each })),
      }),
    );
    expect(answer.tool_calls?.map(({ id }) => callRefusal(answer, id))).toEqual([
      "cut",
      "cut",
      "cut",
      "reserved",
      "reserved",
      "nested",
      null,
      "reserved",
    ]);
    expect(answer.tool_calls?.[6]?.args).toEqual({ node: "tools", path: "a" });
  });

  it("fields of calls: nothing but what a call has, in the characters that providers take", () => {
    const calls = [
      { ...call("a"), name: "extract-files" },
      { ...call("b"), name: "read file\n" },
      { ...call("c"), name: "x".repeat(1000), node: "tools", lg_name: "Command" },
      { ...call("d".repeat(1000)), name: "" },
      { ...call("e"), name: { lc: 1 } as unknown as string },
    ];
    const answer = plainAnswer(new AIMessage({ content: "", tool_calls: calls }));
    expect(answer.tool_calls?.map(({ name }) => name)).toEqual([
      "extract_files",
      "read_file_",
      "x".repeat(64),
      "unnamed",
      "unnamed",
    ]);
    expect(Object.keys(answer.tool_calls?.[2] ?? {}).toSorted()).toEqual([
      "args",
      "id",
      "name",
      "type",
    ]);
    expect(answer.tool_calls?.[3]?.id).toMatch(/^call_/);
  });

  it("metadata: what the server notes cannot come from a provider", () => {
    const answer = plainAnswer(
      new AIMessage({
        content: [{ type: "text", text: "x" }, { text: "no type" }, "no part"] as never,
        response_metadata: {
          finish_reason: "stop",
          carrel_turn: { outcome: "cancelled", error: null },
          carrel_refused_calls: [{ id: "a", why: "cut" }],
        },
        tool_calls: [call("a")],
      }),
    );
    expect(answer.response_metadata).toEqual({ finish_reason: "stop" });
    expect(callRefusal(answer, "a")).toBeNull();
    expect(answer.content).toEqual([{ type: "text", text: "x" }]);
  });
});
