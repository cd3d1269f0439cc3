import {
  AIMessage,
  HumanMessage,
  RemoveMessage,
  ToolMessage,
  isBaseMessage,
} from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { LatestCheckpointSaver } from "./latest-checkpoint-saver.ts";
import { costOfMessages } from "./message-cost.ts";
import { readTurnRecord, withTurnRecord } from "./turn-record.ts";
import type { TurnRecord } from "./turn-record.ts";
import { splitTurns } from "./wire-messages.ts";
import type { Turn } from "./wire-messages.ts";

/** How much of one conversation is kept, in bytes of memory, when its next turn begins: the latest turns. */
export const MAX_CONVERSATION_BYTES: number = 4 * 1024 * 1024;

/** How much of all conversations together is in memory, in bytes, before the one that rested longest leaves it. */
export const MAX_CONVERSATIONS_BYTES: number = 256 * 1024 * 1024;

// The node after which a change of the state is as if the model had made it.
const MODEL_NODE = "model_request";

const stateSchema = z.object({
  messages: z.array(z.custom<BaseMessage>(isBaseMessage)).default([]),
});

/** What is needed of an agent's graph. */
export interface ConversationGraph {
  getState(config: ThreadConfig): Promise<{ values: unknown }>;
  updateState(config: ThreadConfig, values: unknown, asNode: string): Promise<unknown>;
}

interface ThreadConfig {
  configurable: { thread_id: string };
}

export interface ConversationBounds {
  maxConversationBytes: number;
  maxTotalBytes: number;
}

/** What a turn that did not end by itself leaves open. */
export interface UnfinishedTurn {
  turnId: string;
  /** What the user said. */
  message: string;
  /** What the model had said of an answer that did not come to its end. */
  partialText: string;
  record: TurnRecord;
  /** What people are to see of a call that has no result. */
  artifactOf: (call: ToolCall) => unknown;
}

/** The history of every session, as the agent's checkpointer keeps it and writes it down. */
export class Conversations {
  readonly #graph: ConversationGraph;
  readonly #saver: LatestCheckpointSaver;
  readonly #bounds: ConversationBounds;
  readonly #mending = new Map<string, Promise<void>>();

  constructor(graph: ConversationGraph, saver: LatestCheckpointSaver, bounds: ConversationBounds) {
    this.#graph = graph;
    this.#saver = saver;
    this.#bounds = bounds;
  }

  /** From the oldest turn that is kept. */
  async turns(sessionId: string): Promise<Turn[]> {
    return splitTurns(await this.#messages(sessionId));
  }

  /** What is kept of a turn, without the user's message. */
  async messagesOf(sessionId: string, turnId: string): Promise<BaseMessage[]> {
    const turn = (await this.turns(sessionId)).find(({ id }) => id === turnId);
    return turn?.messages.slice(1) ?? [];
  }

  /** What to give the agent for a new turn: the user's message, and what to forget. */
  async opening(sessionId: string, turnId: string, message: string): Promise<BaseMessage[]> {
    await this.mend(sessionId);
    const turns = await this.turns(sessionId);
    const forgotten = this.#outgrown(sessionId, turns);
    return [
      ...forgotten.flatMap(({ id }) => (id === undefined ? [] : [new RemoveMessage({ id })])),
      new HumanMessage({ id: turnId, content: message }),
    ];
  }

  /**
   * Make the history valid again after a turn that was cancelled or failed: providers refuse a
   * conversation in which a call of a tool has no result.
   *
   * @returns the results that were added
   */
  async close(
    sessionId: string,
    { turnId, message, partialText, record, artifactOf }: UnfinishedTurn,
  ): Promise<ToolMessage[]> {
    const turn = (await this.turns(sessionId)).find(({ id }) => id === turnId);
    const results = missingResults(turn?.messages ?? [], artifactOf);
    const end = new AIMessage({
      id: randomUUID(),
      content: partialText,
      response_metadata: withTurnRecord(record),
    });
    // A turn that was stopped before its first step left no trace.
    const beginning =
      turn === undefined ? [new HumanMessage({ id: turnId, content: message })] : [];
    await this.#graph.updateState(
      threadConfig(sessionId),
      { messages: [...beginning, ...results, end] },
      MODEL_NODE,
    );
    return results;
  }

  /** Close the turn that a server which was killed left open. Not while a turn runs. */
  mend(sessionId: string): Promise<void> {
    // Once, whoever asks at the same time.
    let mending = this.#mending.get(sessionId);
    if (!mending) {
      mending = this.#mend(sessionId).finally(() => this.#mending.delete(sessionId));
      this.#mending.set(sessionId, mending);
    }
    return mending;
  }

  async #mend(sessionId: string): Promise<void> {
    const last = (await this.turns(sessionId)).at(-1);
    if (last === undefined || hasEnded(last)) return;
    const error = {
      code: "unavailable",
      message: "The server was stopped in the middle of this turn.",
    } as const;
    await this.close(sessionId, {
      turnId: last.id,
      message: "",
      partialText: "",
      record: { outcome: "failed", error },
      artifactOf: () => undefined,
    });
  }

  async forget(sessionId: string): Promise<void> {
    await this.#saver.deleteThread(sessionId);
  }

  /** Take from memory what rested longest, until the rest fits. `isBusy` says what must stay. */
  async unloadOutgrown(isBusy: (sessionId: string) => boolean): Promise<void> {
    this.#saver.settle(isBusy);
    for (const sessionId of this.#saver.threadIds) {
      if (this.#saver.totalBytes <= this.#bounds.maxTotalBytes) return;
      if (!isBusy(sessionId)) await this.#saver.unload(sessionId);
    }
  }

  async #messages(sessionId: string): Promise<BaseMessage[]> {
    const state = await this.#graph.getState(threadConfig(sessionId));
    return stateSchema.parse(state.values).messages;
  }

  #outgrown(sessionId: string, turns: readonly Turn[]): BaseMessage[] {
    let excess = this.#saver.sizeOf(sessionId) - this.#bounds.maxConversationBytes;
    if (excess <= 0) return [];
    const outgrown: BaseMessage[] = [];
    for (const { messages } of turns) {
      if (excess <= 0) break;
      outgrown.push(...messages);
      excess -= costOfMessages(messages);
    }
    return outgrown;
  }
}

/** Its last word is an answer without calls, or says how it was stopped. */
function hasEnded({ messages }: Turn): boolean {
  const last = messages.at(-1);
  if (!AIMessage.isInstance(last)) return false;
  return (last.tool_calls ?? []).length === 0 || readTurnRecord(last) !== null;
}

export function threadConfig(sessionId: string): ThreadConfig {
  return { configurable: { thread_id: sessionId } };
}

function missingResults(
  messages: readonly BaseMessage[],
  artifactOf: UnfinishedTurn["artifactOf"],
): ToolMessage[] {
  const answered = new Set(
    messages.flatMap((message) => (ToolMessage.isInstance(message) ? [message.tool_call_id] : [])),
  );
  const calls = messages.flatMap((message) =>
    AIMessage.isInstance(message) ? (message.tool_calls ?? []) : [],
  );
  return calls
    .filter(({ id }) => id !== undefined && !answered.has(id))
    .map(
      (call) =>
        new ToolMessage({
          id: randomUUID(),
          tool_call_id: call.id ?? "",
          name: call.name,
          artifact: artifactOf(call),
          status: "error",
          content:
            "Error: the turn was stopped before this call had a result. It may have done a part of its work.",
        }),
    );
}
