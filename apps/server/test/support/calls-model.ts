import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, HumanMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import type { ChatResult } from "@langchain/core/outputs";
import type { ChosenModel } from "../../src/model/chat-model.ts";
import { describeModelError } from "../../src/model/model-error.ts";

/** A piece of a call of a tool, as a provider streams it. */
export interface CallPiece {
  index: number;
  id?: string;
  name?: string;
  args: string;
}

/** A double of a model, which streams pieces of calls as fast as they are taken, and says "done" in the end. */
export class CallsModel extends BaseChatModel {
  readonly #answer: (answers: number) => Iterable<CallPiece> | null;

  /** @param answer is given how many answers the turn has so far; `null` ends the turn */
  constructor(answer: (answers: number) => Iterable<CallPiece> | null) {
    super({});
    this.#answer = answer;
  }

  chosen(): ChosenModel {
    const described = { name: "calls", secret: undefined };
    return {
      model: this,
      name: "calls",
      demo: false,
      describeError: (error) => describeModelError(error, described),
    };
  }

  override _llmType(): string {
    return "calls";
  }

  override bindTools(): this {
    return this;
  }

  override async _generate(): Promise<ChatResult> {
    return { generations: [{ text: "", message: new AIMessage("") }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const begin = messages.findLastIndex((message) => HumanMessage.isInstance(message));
    const answers = messages.slice(begin).filter((message) => AIMessage.isInstance(message)).length;
    const pieces = this.#answer(answers);
    for (const piece of pieces ?? [null]) {
      options.signal?.throwIfAborted();
      const text = piece === null ? "done" : "";
      const message = new AIMessageChunk({
        id: "m",
        content: text,
        tool_call_chunks: piece === null ? [] : [{ ...piece, type: "tool_call_chunk" }],
      });
      const chunk = new ChatGenerationChunk({ text, message });
      yield chunk;
      await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, {
        chunk,
      });
    }
  }
}
