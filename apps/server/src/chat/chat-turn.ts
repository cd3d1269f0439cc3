import { randomUUID } from "node:crypto";
import { MemoryMeter, SandboxError } from "@carrel/backend-protocol";
import type { MemoryBudget } from "@carrel/backend-protocol";
import { AIMessage, AIMessageChunk, ToolMessage } from "@langchain/core/messages";
import type { CommandArtifact } from "@carrel/console-toolset";
import type { BaseMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { GraphRecursionError } from "@langchain/langgraph";
import type { Logger } from "pino";
import { describeError } from "../errors/describe-error.ts";
import type { WireTurnOutcome } from "../wire/chat.ts";
import type { WireErrorDetail } from "../wire/error.ts";
import { textOf } from "./message-text.ts";
import type { ChatAgent } from "./agent.ts";
import { threadConfig } from "./conversations.ts";
import type { Conversations } from "./conversations.ts";
import { JoinedTexts } from "./joined-texts.ts";
import { isPlainAnswer } from "./plain-answer.ts";
import { SURPLUS_NODE } from "./refused-calls.ts";
import { TurnLog } from "./turn-log.ts";
import { wireResult } from "./wire-messages.ts";

/** How often the model may answer in one turn, each time with calls of tools or with the end. */
const MAX_MODEL_ANSWERS = 50;

/** How many tools of one turn run side by side. */
const MAX_TOOLS_AT_ONCE = 8;

// The model, the look at how many calls it made, and the tools.
const STEPS_PER_ANSWER = 3;

/** Longest time of a turn. */
export const MAX_TURN_MS: number = 30 * 60 * 1000;

/** How much of what a stopped command wrote is kept with the conversation: the latest. */
const MAX_STOPPED_OUTPUT = 64 * 1024;

/**
 * Most that the model may stream in one turn, in bytes of cost: each piece costs its characters and
 * {@link PIECE_COST}, since each is an object on its way. A megabyte in pieces of one character fits.
 */
const MAX_STREAMED_COST = 32 * 1024 * 1024;

const PIECE_COST = 24;

/**
 * Most calls of tools that the answers of one turn may have together, with those that are refused:
 * each step looks at all calls and results, so that many of them cost their square. More than can be done.
 */
const MAX_CALLS_PER_TURN = 2000;

const MODEL_NODE = "model_request";
const TOOLS_NODE = "tools";

export interface ChatTurnOptions {
  agent: ChatAgent;
  conversations: Conversations;
  sessionId: string;
  message: string;
  logger: Logger;
  maxTurnMs: number;
  /** The budget in which the log counts while the turn runs; `null`: none. */
  memory: MemoryBudget | null;
}

export interface TurnEnd {
  outcome: WireTurnOutcome;
  /** The text of the last answer, as far as it came. */
  response: string;
  /** Unless `completed`. */
  error: WireErrorDetail | null;
}

/**
 * One user message and all that the agent does for it. It runs until it ends, whether or not
 * anyone reads its log.
 */
export class ChatTurn {
  readonly id: string = randomUUID();
  readonly log: TurnLog;
  readonly startedAt: number = performance.now();
  /** Resolves after the last event was logged and the history is whole. Never rejects. */
  readonly ended: Promise<TurnEnd>;
  readonly #options: ChatTurnOptions;
  readonly #stop = new AbortController();
  readonly #memory: MemoryMeter;
  #cancelled = false;
  // The ids of answers, and of calls that have a result, whose events are in the log.
  readonly #seen = new Set<string>();
  // When each call was made, by its id.
  readonly #calledAt = new Map<string, number>();
  // What the model said since its last complete answer, and the text of that.
  #partialText = "";
  #answerText = "";
  #streamedCost = 0;
  #callCount = 0;
  // Text of the answer under `null`, output of commands under the ids of their calls.
  readonly #texts = new JoinedTexts<string | null>(
    (callId, text) => this.#logText(callId, text),
    (error) => this.#stop.abort(error),
  );

  constructor(options: ChatTurnOptions) {
    this.#options = options;
    this.#memory = new MemoryMeter(options.memory, (error) => this.#stop.abort(error));
    this.log = new TurnLog(this.#memory);
    this.ended = this.#run();
  }

  /**
   * Stop the model and the tools. Does nothing to a turn that ended.
   * @param reason what the turn's end says. @default that somebody asked for it
   */
  cancel(reason: SandboxError = cancelledByUser()): void {
    if (this.#stop.signal.aborted) return;
    this.#cancelled = true;
    this.#stop.abort(reason);
  }

  async #run(): Promise<TurnEnd> {
    const { message, maxTurnMs } = this.#options;
    const deadline = setTimeout(() => this.#stop.abort(turnTimedOut(maxTurnMs)), maxTurnMs);
    this.log.append({ event: "turn-start", data: { turn_id: this.id, message } });
    try {
      await this.#stream();
      return this.#finish({ outcome: "completed", response: this.#answerText, error: null });
    } catch (error) {
      return await this.#finishEarly(error);
    } finally {
      clearTimeout(deadline);
      this.#memory[Symbol.dispose]();
    }
  }

  async #stream(): Promise<void> {
    const { agent, conversations, sessionId, message } = this.#options;
    const messages = await conversations.opening(sessionId, this.id, message);
    const stream = await agent.stream(
      { messages },
      {
        ...threadConfig(sessionId),
        context: { sessionId },
        signal: this.#stop.signal,
        recursionLimit: STEPS_PER_ANSWER * MAX_MODEL_ANSWERS,
        maxConcurrency: MAX_TOOLS_AT_ONCE,
        streamMode: ["messages", "tools", "updates"],
      },
    );
    for await (const [mode, chunk] of stream) {
      if (mode === "messages") this.#onText(...chunk);
      else if (mode === "tools") this.#onToolOutput(chunk);
      else this.#onStep(chunk);
    }
    this.#texts.flush();
  }

  #onText(message: unknown, metadata: Record<string, unknown>): void {
    if (metadata["langgraph_node"] !== MODEL_NODE || !AIMessage.isInstance(message)) return;
    if (isPlainAnswer(message)) return;
    const text = textOf(message);
    this.#streamedCost += PIECE_COST + text.length + lengthOfCalls(message);
    if (this.#streamedCost > MAX_STREAMED_COST) throw streamedTooMuch();
    if (text !== "") this.#texts.add(null, text);
  }

  #onToolOutput(chunk: { event: string; toolCallId?: string; data?: unknown }): void {
    const { event, toolCallId, data } = chunk;
    if (event !== "on_tool_event" || toolCallId === undefined) return;
    if (typeof data !== "string" || data === "") return;
    this.#texts.add(toolCallId, data);
  }

  #logText(callId: string | null, text: string): void {
    if (callId !== null) {
      this.log.append({ event: "tool-output", data: { id: callId, text } });
      return;
    }
    this.#partialText += text;
    this.log.append({ event: "text-delta", data: { text } });
  }

  #onStep(updates: Record<string, unknown>): void {
    this.#texts.flush();
    for (const message of messagesOf(updates[MODEL_NODE])) {
      if (AIMessage.isInstance(message)) this.#onAnswer(message);
    }
    if (this.#callCount > MAX_CALLS_PER_TURN) throw tooManyCalls();
    for (const node of [SURPLUS_NODE, TOOLS_NODE]) {
      for (const message of messagesOf(updates[node])) {
        if (ToolMessage.isInstance(message)) this.#onResult(message);
      }
    }
  }

  #onAnswer(message: AIMessage): void {
    if (message.id !== undefined) this.#seen.add(message.id);
    this.#partialText = "";
    this.#answerText = textOf(message);
    const calls = message.tool_calls ?? [];
    this.#callCount += calls.length;
    for (const { id = "", name, args } of calls) {
      this.#calledAt.set(id, performance.now());
      this.log.append({ event: "tool-call", data: { id, name, args } });
    }
  }

  #onResult(message: ToolMessage): void {
    const { tool_call_id: id } = message;
    this.#seen.add(id);
    this.log.append({ event: "tool-result", data: { id, ...wireResult(message) } });
  }

  async #finishEarly(error: unknown): Promise<TurnEnd> {
    // Where one thing failed, what runs beside it has no more purpose.
    this.#stop.abort(error);
    this.#flushRest();
    const { conversations, sessionId, message, logger } = this.#options;
    const failure = {
      outcome: this.#cancelled ? ("cancelled" as const) : ("failed" as const),
      error: this.#describe(error),
    };
    try {
      this.#catchUp(await conversations.messagesOf(sessionId, this.id));
      const results = await conversations.close(sessionId, {
        turnId: this.id,
        message,
        partialText: this.#partialText,
        record: failure,
        artifactOf: (call) => this.#stoppedCommand(call),
      });
      for (const result of results) this.#onResult(result);
    } catch (closing) {
      logger.error({ err: closing, turnId: this.id }, "a turn could not be closed");
    }
    return this.#finish({ ...failure, response: this.#partialText || this.#answerText });
  }

  // What the log does not take any more is no reason to lose how the turn ended.
  #flushRest(): void {
    try {
      this.#texts.flush();
    } catch (error) {
      this.#stop.abort(error);
    }
  }

  // People see a stopped command as one, with what it had written.
  #stoppedCommand({ id = "", name, args }: ToolCall): CommandArtifact | undefined {
    const command: unknown = args["command"];
    if (name !== "execute" || typeof command !== "string") return undefined;
    const { text, cut } = this.log.outputOf(id, MAX_STOPPED_OUTPUT);
    return {
      kind: "command",
      command,
      outcome: "cancelled",
      exitCode: null,
      signal: null,
      output: text,
      truncated: cut,
      durationMs: Math.round(performance.now() - (this.#calledAt.get(id) ?? performance.now())),
    };
  }

  // A stream that breaks off may have kept back what the history has already.
  #catchUp(messages: readonly BaseMessage[]): void {
    for (const message of messages) {
      if (AIMessage.isInstance(message) && !this.#seen.has(message.id ?? "")) {
        const text = textOf(message).slice(this.#partialText.length);
        if (text !== "") this.log.append({ event: "text-delta", data: { text } });
        this.#onAnswer(message);
      }
      if (ToolMessage.isInstance(message) && !this.#seen.has(message.tool_call_id)) {
        this.#onResult(message);
      }
    }
  }

  #describe(error: unknown): WireErrorDetail {
    const cause: unknown = this.#stop.signal.reason;
    if (cause instanceof GraphRecursionError) {
      return {
        code: "too-large",
        message: `The turn was stopped after ${MAX_MODEL_ANSWERS} answers of the model. Ask for less at once, or ask it to go on.`,
      };
    }
    const known = firstKnown(cause);
    if (known !== null) return known;
    this.#options.logger.error(
      { err: error, turnId: this.id },
      "a turn failed for an unknown reason",
    );
    return {
      code: "internal",
      message: `The server failed. Its log says why under the turn's id ${this.id}.`,
    };
  }

  #finish(end: TurnEnd): TurnEnd {
    const { outcome, response, error } = end;
    this.log.append({
      event: "turn-end",
      data: {
        outcome,
        response,
        session_id: this.#options.sessionId,
        ...(error !== null && { error }),
      },
    });
    return end;
  }
}

// LangChain wraps what a middleware throws.
function firstKnown(error: unknown): WireErrorDetail | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    const known = describeError(current);
    if (known !== null) return known.detail;
  }
  return null;
}

function lengthOfCalls(message: AIMessage): number {
  if (!AIMessageChunk.isInstance(message)) return 0;
  let length = 0;
  for (const { args = "", name = "" } of message.tool_call_chunks ?? []) {
    length += PIECE_COST + args.length + name.length;
  }
  return length;
}

function messagesOf(update: unknown): unknown[] {
  if (typeof update !== "object" || update === null || !("messages" in update)) return [];
  return Array.isArray(update.messages) ? update.messages : [];
}

function turnTimedOut(maxTurnMs: number): SandboxError {
  return new SandboxError({
    code: "timeout",
    message: `The turn was stopped after ${Math.round(maxTurnMs / 60_000)} minutes. Ask for less at once, or ask it to go on.`,
  });
}

function streamedTooMuch(): SandboxError {
  return new SandboxError({
    code: "too-large",
    message:
      "The agent streamed more in this turn than the server takes, so the turn was stopped. Ask for less at once.",
  });
}

function tooManyCalls(): SandboxError {
  return new SandboxError({
    code: "too-large",
    message: `The model made more than ${MAX_CALLS_PER_TURN} calls of tools in this turn, so it was stopped. Ask for less at once.`,
  });
}

function cancelledByUser(): SandboxError {
  return new SandboxError({ code: "aborted", message: "The turn was cancelled." });
}
