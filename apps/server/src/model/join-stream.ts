import { LoopShare, SandboxError } from "@carrel/backend-protocol";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk } from "@langchain/core/messages";
import type { MessageContent } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { JoinedCalls } from "./joined-calls.ts";

/** Most parts that the content of one answer may have: LangChain looks for each in a list of them. */
const MAX_CONTENT_PARTS = 1000;

const joined = new WeakSet<BaseChatModel>();

/**
 * Changes a model so that what it streams costs its length, however many pieces it has: calls of
 * tools are passed on at the end of the answer, each as one piece, and work between two looks at the
 * network is cut into stretches. Text is passed on as it comes.
 *
 * The model's answers then throw `too-large` if they have too many calls, parts or arguments.
 */
export function joinStream<Model extends BaseChatModel>(model: Model): Model {
  if (joined.has(model)) return model;
  joined.add(model);
  const withConfig = model.withConfig.bind(model);
  // Tools are bound by a configuration, and some models copy themselves for one.
  model.withConfig = (config) => {
    const copy = withConfig(config);
    if (copy instanceof BaseChatModel) joinStream(copy);
    return copy;
  };
  if (model._streamResponseChunks === BaseChatModel.prototype._streamResponseChunks) return model;
  const stream = model._streamResponseChunks.bind(model);
  model._streamResponseChunks = async function* (messages, options, runManager) {
    // The model would tell of each piece by itself.
    for await (const chunk of joinedChunks(stream(messages, options))) {
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, {
        chunk,
      });
    }
  };
  return model;
}

async function* joinedChunks(
  chunks: AsyncIterable<ChatGenerationChunk>,
): AsyncGenerator<ChatGenerationChunk> {
  const share = new LoopShare();
  const answer = new JoinedAnswer();
  let startMs = performance.now();
  for await (const chunk of chunks) {
    const rest = answer.add(chunk);
    if (rest !== null) yield rest;
    // With the time in which the piece was read, unless that waited for the network.
    const nowMs = performance.now();
    share.charge(nowMs - startMs);
    const turn = share.turn();
    if (turn) await turn;
    startMs = performance.now();
  }
  const calls = answer.end();
  if (calls !== null) yield calls;
}

class JoinedAnswer {
  readonly #calls = new JoinedCalls();
  readonly #parts = new Set<unknown>();
  readonly #fields = new Set<string>();
  #looseParts = 0;
  #isBegun = false;
  #messageId: string | undefined;

  /** @returns what is to be passed on of a piece at once */
  add(chunk: ChatGenerationChunk): ChatGenerationChunk | null {
    const { message } = chunk;
    if (!AIMessageChunk.isInstance(message)) return chunk;
    this.#messageId ??= message.id;
    this.#countParts(message.content);
    const pieces = message.tool_call_chunks ?? [];
    for (const piece of pieces) this.#calls.add(piece);
    const isFirst = !this.#isBegun;
    this.#isBegun = true;
    if (pieces.length === 0 && message.additional_kwargs["tool_calls"] === undefined) return chunk;
    const isNew = this.#hasNewFields(chunk, message);
    if (
      !isFirst &&
      !isNew &&
      message.content.length === 0 &&
      message.usage_metadata === undefined
    ) {
      return null;
    }
    return withoutCalls(chunk, message);
  }

  /** @returns the calls, in one piece; `null` if there are none */
  end(): ChatGenerationChunk | null {
    const calls = this.#calls.end();
    if (calls.length === 0) return null;
    const message = new AIMessageChunk({
      ...(this.#messageId !== undefined && { id: this.#messageId }),
      content: "",
      tool_call_chunks: calls,
    });
    return new ChatGenerationChunk({ text: "", message });
  }

  #countParts(content: MessageContent): void {
    if (typeof content === "string") return;
    for (const part of content) {
      const index: unknown = "index" in part ? part["index"] : undefined;
      if (index === undefined) this.#looseParts += 1;
      else this.#parts.add(index);
    }
    if (this.#parts.size + this.#looseParts > MAX_CONTENT_PARTS) throw tooManyParts();
  }

  // Why an answer ended may stand beside a piece of a call; what every piece repeats says nothing.
  #hasNewFields({ generationInfo }: ChatGenerationChunk, message: AIMessageChunk): boolean {
    const names = [
      ...Object.keys(generationInfo ?? {}),
      ...Object.keys(message.response_metadata),
      ...Object.keys(message.additional_kwargs),
    ];
    const fresh = names.filter((name) => !this.#fields.has(name));
    for (const name of fresh) this.#fields.add(name);
    return fresh.length > 0;
  }
}

function withoutCalls(chunk: ChatGenerationChunk, message: AIMessageChunk): ChatGenerationChunk {
  const { id, content, response_metadata, usage_metadata } = message;
  const { tool_calls: _provider, ...additional_kwargs } = message.additional_kwargs;
  return new ChatGenerationChunk({
    text: chunk.text,
    ...(chunk.generationInfo !== undefined && { generationInfo: chunk.generationInfo }),
    message: new AIMessageChunk({
      ...(id !== undefined && { id }),
      content,
      additional_kwargs,
      response_metadata,
      ...(usage_metadata !== undefined && { usage_metadata }),
    }),
  });
}

function tooManyParts(): SandboxError {
  return new SandboxError({
    code: "too-large",
    message: `The model's answer has more than ${MAX_CONTENT_PARTS} parts, so the turn was stopped. Ask for less at once.`,
  });
}
