import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import type { ChatResult } from "@langchain/core/outputs";
import { planDemo } from "./demo-rules.ts";
import type { DemoCall } from "./demo-rules.ts";

/** The first line of all that the demo model says. */
export const DEMO_LABEL = "This is the demo model: no AI, only fixed rules.";

const CAPABILITIES = `${DEMO_LABEL}

I understand only messages like these:

- Create a hello world script and run it
- list files
- read notes.txt
- write Good morning to notes.txt
- replace morning with evening in notes.txt
- run ls -la

For an AI, set OPENAI_API_KEY and restart the server.`;

const MAX_SHOWN_CHARACTERS = 6000;
// Long answers come faster.
const MAX_PAUSES_MS = 800;
const PIECE = /.{1,16}(?:\s|$)|.{1,16}/gs;

export interface DemoModelOptions {
  /** Time between two pieces of an answer, so that one can see it being streamed. @default 8 */
  pieceDelayMs?: number;
}

/**
 * A chat model without any intelligence, for whoever has no key yet: it calls tools and streams
 * like a real one, so that the whole loop can be seen.
 */
export class DemoModel extends BaseChatModel {
  readonly #pieceDelayMs: number;

  constructor({ pieceDelayMs = 8 }: DemoModelOptions = {}) {
    super({});
    this.#pieceDelayMs = pieceDelayMs;
  }

  override _llmType(): string {
    return "carrel-demo";
  }

  /** The rules know the console tools by name; there is nothing to bind. */
  override bindTools(): this {
    return this;
  }

  override async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    const { call, text } = nextStep(messages);
    const message = new AIMessage({
      content: text,
      tool_calls: call === null ? [] : [{ ...call, id: newCallId(), type: "tool_call" }],
    });
    return { generations: [{ text, message }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const { call, text } = nextStep(messages);
    const id = randomUUID();
    const pieces = text.match(PIECE) ?? [];
    const pauseMs = Math.min(this.#pieceDelayMs, MAX_PAUSES_MS / pieces.length);
    for (const piece of pieces) {
      if (pauseMs > 0) await delay(pauseMs);
      options.signal?.throwIfAborted();
      const message = new AIMessageChunk({ id, content: piece });
      const chunk = new ChatGenerationChunk({ text: piece, message });
      yield chunk;
      await runManager?.handleLLMNewToken(piece, undefined, undefined, undefined, undefined, {
        chunk,
      });
    }
    if (call !== null) yield callChunk(id, call);
  }
}

interface DemoStep {
  call: DemoCall | null;
  text: string;
}

function nextStep(messages: readonly BaseMessage[]): DemoStep {
  const start = messages.findLastIndex((message) => HumanMessage.isInstance(message));
  const plan = planDemo(messages[start]?.text ?? "");
  if (plan === null) return { call: null, text: CAPABILITIES };
  const results = messages.slice(start + 1).filter((message) => ToolMessage.isInstance(message));
  const last = results.at(-1);
  const call = plan.calls[results.length];
  if (last?.status === "error") return { call: null, text: report("That did not work:", last) };
  if (call !== undefined) return { call, text: "" };
  return { call: null, text: report(plan.done, last) };
}

function report(heading: string, result: ToolMessage | undefined): string {
  const text = result?.text ?? "";
  const shown =
    text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}\n[…]` : text;
  const fence = "`".repeat(Math.max(3, longestRun(shown, "`") + 1));
  return `${DEMO_LABEL}\n\n${heading}\n\n${fence}\n${shown}\n${fence}`;
}

function longestRun(text: string, character: string): number {
  let longest = 0;
  let run = 0;
  for (const each of text) {
    run = each === character ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

function callChunk(id: string, { name, args }: DemoCall): ChatGenerationChunk {
  return new ChatGenerationChunk({
    text: "",
    message: new AIMessageChunk({
      id,
      content: "",
      tool_call_chunks: [
        { type: "tool_call_chunk", index: 0, id: newCallId(), name, args: JSON.stringify(args) },
      ],
    }),
  });
}

function newCallId(): string {
  return `call_${randomUUID()}`;
}
