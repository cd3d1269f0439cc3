import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk } from "@langchain/core/messages";
import type { AIMessageChunkFields, UsageMetadata } from "@langchain/core/messages";
import type { ToolCallChunk } from "@langchain/core/messages/tool";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { describe, expect, it } from "vitest";
import { MAX_CALLS_COST, MAX_STREAMED_CALLS } from "./joined-calls.ts";
import { joinStream } from "./join-stream.ts";

// LangChain's own type has no usage for a message whose structure is not known.
type Fields = Omit<Partial<AIMessageChunkFields>, "usage_metadata"> & {
  usage_metadata?: UsageMetadata;
};

const piece = (fields: Fields): ChatGenerationChunk =>
  new ChatGenerationChunk({
    text: typeof fields.content === "string" ? fields.content : "",
    message: new AIMessageChunk({ content: "", ...fields } as AIMessageChunkFields),
  });

const call = (fields: Partial<ToolCallChunk>): ChatGenerationChunk =>
  piece({ tool_call_chunks: [{ type: "tool_call_chunk", ...fields }] });

class PiecesModel extends FakeListChatModel {
  readonly pieces: Iterable<ChatGenerationChunk>;
  constructor(pieces: Iterable<ChatGenerationChunk>) {
    super({ responses: [] });
    this.pieces = pieces;
  }
  override async *_streamResponseChunks(): AsyncGenerator<ChatGenerationChunk> {
    yield* this.pieces;
  }
}

async function streamed(
  pieces: Iterable<ChatGenerationChunk>,
): Promise<{ chunks: ChatGenerationChunk[]; told: unknown[] }> {
  const told: unknown[] = [];
  const runManager = {
    handleLLMNewToken: async (...args: unknown[]) => {
      told.push((args[5] as { chunk: unknown }).chunk);
    },
  } as unknown as CallbackManagerForLLMRun;
  const model: BaseChatModel = joinStream(new PiecesModel(pieces));
  const chunks: ChatGenerationChunk[] = [];
  const options = {} as (typeof model)["ParsedCallOptions"];
  for await (const chunk of model._streamResponseChunks([], options, runManager)) {
    chunks.push(chunk);
  }
  return { chunks, told };
}

function callsOf(chunk: ChatGenerationChunk | undefined): ToolCallChunk[] {
  const message = chunk?.message;
  return AIMessageChunk.isInstance(message) ? (message.tool_call_chunks ?? []) : [];
}

/** What LangChain makes of pieces. */
function whole(pieces: readonly ChatGenerationChunk[]): unknown {
  const [first, ...rest] = pieces;
  const { message } = rest.reduce((sum, one) => sum.concat(one), first ?? piece({}));
  const { id, content, tool_calls, invalid_tool_calls, response_metadata, usage_metadata } =
    message as AIMessageChunk;
  return { id, content, tool_calls, invalid_tool_calls, response_metadata, usage_metadata };
}

const usage = { input_tokens: 1, output_tokens: 2, total_tokens: 3 };

describe("a joined stream", () => {
  it.each<[string, () => ChatGenerationChunk[]]>([
    ["text alone", () => [piece({ id: "m", content: "a" }), piece({ content: "b" })]],
    [
      "text and two calls whose pieces alternate",
      () => [
        piece({ id: "m", content: "I " }),
        piece({ content: "look" }),
        call({ index: 0, id: "x", name: "ls", args: "" }),
        call({ index: 1, id: "y", name: "cat", args: '{"pa' }),
        call({ index: 0, args: "{}" }),
        call({ index: 1, args: 'th":"a"}' }),
        piece({ response_metadata: { finish_reason: "tool_calls" } }),
        piece({ usage_metadata: usage }),
      ],
    ],
    [
      "calls of which one has no index, one is cut and one is told apart by its id",
      () => [
        call({ id: "x", name: "ls", args: "{}" }),
        call({ index: 0, id: "y", name: "cat", args: '{"path":"a' }),
        call({ index: 0, id: "z", name: "cat", args: '{"path":"b"}' }),
        call({ index: 2, id: "w", name: "ls", args: "no JSON" }),
      ],
    ],
    [
      "the end of the answer beside the last piece of a call",
      () => [
        call({ index: 0, id: "x", name: "ls", args: "" }),
        piece({
          tool_call_chunks: [{ type: "tool_call_chunk", index: 0, args: "{}" }],
          response_metadata: { finish_reason: "length" },
          usage_metadata: usage,
        }),
      ],
    ],
    [
      "content that is a list",
      () => [
        piece({ content: [{ type: "text", index: 0, text: "a" }] }),
        piece({ content: [{ type: "text", index: 0, text: "b" }] }),
        call({ index: 1, id: "x", name: "ls", args: "{}" }),
      ],
    ],
  ])("of %s: gives the answer that its pieces give", async (_, pieces) => {
    const { chunks, told } = await streamed(pieces());
    expect(whole(chunks)).toEqual(whole(pieces()));
    expect(told).toEqual(chunks);
  });

  it("of many pieces of calls: passes few on, and each call as one", async () => {
    const args = JSON.stringify({ content: "y".repeat(5000) });
    const pieces = [
      call({ index: 0, id: "x", name: "write", args: "" }),
      ...Array.from(args, (one) => call({ index: 0, args: one })),
    ];
    const { chunks } = await streamed(pieces);
    expect(chunks).toHaveLength(2);
    expect(callsOf(chunks[1])).toEqual([
      { type: "tool_call_chunk", index: 0, id: "x", name: "write", args },
    ]);
  });

  it("of too many calls, arguments or parts: says so", async () => {
    const calls = Array.from({ length: MAX_STREAMED_CALLS + 1 }, (_, index) =>
      call({ index, id: `c${index}`, name: "ls", args: "{}" }),
    );
    await expect(streamed(calls)).rejects.toMatchObject({ code: "too-large" });
    expect((await streamed(calls.slice(1))).chunks).toHaveLength(2);
    const long = [call({ index: 0, id: "c", name: "ls", args: "x".repeat(MAX_CALLS_COST) })];
    await expect(streamed(long)).rejects.toMatchObject({ code: "too-large" });
    const parts = Array.from({ length: 1001 }, (_, index) =>
      piece({ content: [{ type: "text", index, text: "a" }] }),
    );
    await expect(streamed(parts)).rejects.toMatchObject({ code: "too-large" });
  });

  it("copies of the model that are made for its tools: are joined as well", async () => {
    class CopyingModel extends PiecesModel {
      override withConfig(): this {
        return new CopyingModel([
          call({ index: 0, id: "x", args: "{" }),
          call({ index: 0, args: "}" }),
        ]) as this;
      }
    }
    const copy = joinStream(new CopyingModel([])).withConfig();
    const chunks: ChatGenerationChunk[] = [];
    for await (const chunk of copy._streamResponseChunks()) chunks.push(chunk);
    expect(callsOf(chunks.at(-1))[0]?.args).toBe("{}");
    expect(chunks).toHaveLength(2);
  });
});
