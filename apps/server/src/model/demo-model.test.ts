import { AIMessage, AIMessageChunk, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import { DEMO_LABEL, DemoModel } from "./demo-model.ts";

const model = new DemoModel({ pieceDelayMs: 0 });

function afterCall(
  message: string,
  result: Partial<ToolMessage> & { content: string },
): BaseMessage[] {
  const call = { id: "1", name: "execute", args: {}, type: "tool_call" as const };
  return [
    new HumanMessage(message),
    new AIMessage({ content: "", tool_calls: [call] }),
    new ToolMessage({
      tool_call_id: "1",
      status: result.status ?? "success",
      content: result.content,
    }),
  ];
}

describe("the demo model", () => {
  it("says in the first line of every answer that it is no AI", async () => {
    for (const messages of [
      [new HumanMessage("How are you?")],
      afterCall("run ls", { content: "a\nb" }),
      afterCall("run ls", { status: "error", content: "Error: no" }),
    ]) {
      const answer = await model.invoke(messages);
      expect(answer.text.split("\n")[0]).toBe(DEMO_LABEL);
      expect(DEMO_LABEL).toContain("no AI");
    }
  });

  it("streams small pieces that are the answer", async () => {
    const pieces: AIMessageChunk[] = [];
    for await (const piece of await model.stream([new HumanMessage("Hi")])) pieces.push(piece);
    const text = pieces.map((piece) => piece.text).join("");
    expect(pieces.length).toBeGreaterThan(10);
    expect(text).toBe((await model.invoke([new HumanMessage("Hi")])).text);
  });

  it("calls a tool in a stream as it does without", async () => {
    let streamed: AIMessageChunk | undefined;
    for await (const piece of await model.stream([new HumanMessage("run ls")])) {
      streamed = streamed?.concat(piece) ?? piece;
    }
    const invoked = await model.invoke([new HumanMessage("run ls")]);
    for (const answer of [streamed, invoked]) {
      expect(answer?.tool_calls).toMatchObject([{ name: "execute", args: { command: "ls" } }]);
    }
  });

  it("reports what the tool said, whatever fences stand in it", async () => {
    const answer = await model.invoke(afterCall("run cat x.md", { content: "```\ncode\n```" }));
    expect(answer.text).toContain("````\n```\ncode\n```\n````");
  });

  it("stops its plan at a tool that failed, and says what it said", async () => {
    const answer = await model.invoke(
      afterCall("Create a hello world script and run it", {
        status: "error",
        content: "Error: disk full",
      }),
    );
    expect(answer.tool_calls).toEqual([]);
    expect(answer.text).toContain("Error: disk full");
  });

  it("shows the beginning of a long result", async () => {
    const answer = await model.invoke(afterCall("run yes", { content: "y\n".repeat(50_000) }));
    expect(answer.text.length).toBeLessThan(7000);
    expect(answer.text).toContain("[…]");
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const stream = await new DemoModel().stream([new HumanMessage("Hi")], { signal: stop.signal });
    await expect(async () => {
      for await (const _ of stream) stop.abort();
    }).rejects.toThrow();
  });
});
