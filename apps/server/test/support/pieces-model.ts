import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import type { ChatResult } from "@langchain/core/outputs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ChosenModel } from "../../src/model/chat-model.ts";
import { describeModelError } from "../../src/model/model-error.ts";

export interface Pieces {
  pieces: number;
  /** Of each piece of text, or of the arguments of one call. */
  text?: string;
  args?: string;
}

/** A double of a model, which streams as many pieces as it is told, as fast as they are taken. */
export class PiecesModel extends BaseChatModel {
  sent = 0;
  readonly #answer: (question: { text: string }) => Pieces;
  readonly #before: Promise<void>;

  /** @param before is waited for before each answer */
  constructor(
    answer: (question: { text: string }) => Pieces,
    { before = Promise.resolve() }: { before?: Promise<void> } = {},
  ) {
    super({});
    this.#answer = answer;
    this.#before = before;
  }

  chosen(): ChosenModel {
    const described = { name: "pieces", secret: undefined };
    return {
      model: this,
      name: "pieces",
      demo: false,
      describeError: (error) => describeModelError(error, described),
    };
  }

  override _llmType(): string {
    return "pieces";
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
    await this.#before;
    const { pieces, text = "", args } = this.#answer({ text: messages.at(-1)?.text ?? "" });
    for (let count = 0; count < pieces; count++) {
      if (count % 100 === 0 || args !== undefined) await nextTurn();
      options.signal?.throwIfAborted();
      const calls = args === undefined ? [] : [{ index: 0, id: "c", name: "ls", args }];
      const message = new AIMessageChunk({
        id: "m",
        content: text,
        tool_call_chunks: calls.map((call) => ({ ...call, type: "tool_call_chunk" as const })),
      });
      const chunk = new ChatGenerationChunk({ text, message });
      this.sent += 1;
      yield chunk;
      await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, {
        chunk,
      });
    }
  }
}
