import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import type { BaseMessage } from "@langchain/core/messages";
import type { ChatGenerationChunk } from "@langchain/core/outputs";
import { ChatOpenAI } from "@langchain/openai";
import type { ChatOpenAICallOptions } from "@langchain/openai";
import { CutAnswerError } from "./model-error.ts";

/**
 * Sees to it that an answer which was cut is known to be: a connection that breaks off between two
 * pieces looks like an end to OpenAI's client, and an answer that reached its bound of length loses
 * the note of it on the way through LangChain.
 */
export class OpenAiModel extends ChatOpenAI {
  // To bind tools makes a copy, and the parent's copy is of the parent's class.
  override withConfig(config: Partial<ChatOpenAICallOptions>): OpenAiModel {
    const copy = new OpenAiModel(this.fields);
    copy.defaultOptions = { ...this.defaultOptions, ...config };
    return copy;
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    let ended = false;
    for await (const chunk of super._streamResponseChunks(messages, options, runManager)) {
      const { response_metadata: metadata } = chunk.message;
      const reason: unknown = chunk.generationInfo?.["finish_reason"];
      if (reason !== undefined) metadata["finish_reason"] = reason;
      ended ||= reason !== undefined || metadata["status"] !== undefined;
      yield chunk;
    }
    if (!ended) throw new CutAnswerError("The stream ended without saying why.");
  }
}
