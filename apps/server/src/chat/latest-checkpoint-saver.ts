import { MemorySaver, copyCheckpoint, emptyCheckpoint } from "@langchain/langgraph";
import { isBaseMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { readStored } from "./conversation-record.ts";
import type { ConversationStore } from "./conversation-store.ts";
import { ConversationWriter } from "./conversation-writer.ts";
import { costOfMessages } from "./message-cost.ts";

type PutArguments = Parameters<MemorySaver["put"]>;
type GetArguments = Parameters<MemorySaver["getTuple"]>;
type WritesArguments = Parameters<MemorySaver["putWrites"]>;

// The one before the latest may still be written to when the latest is put.
const KEPT_CHECKPOINTS = 2;

// The agent has no graph inside of its graph, whose checkpoints would have names of their own.
const NAMESPACE = "";

/** What the objects of a checkpoint, or of a write to it, cost in memory beside the messages. */
const ENTRY_COST_BYTES = 512;

/**
 * Keeps states as they are. LangGraph's own serializer makes texts of them and objects of the texts:
 * each call of a tool has the whole conversation in its state, so that the cost of an answer was
 * calls times conversation, and objects were made of what a model or a file says.
 */
const asItIs: MemorySaver["serde"] = {
  dumpsTyped: async (value: unknown) => ["json", value as Uint8Array],
  loadsTyped: async (_type: string, value: unknown) => value,
};

export interface CheckpointSaverOptions {
  /** Told when messages of a conversation could not be read, and notes stand for them. */
  onDamage?: (damaged: { threadId: string; messages: number }) => void;
}

/**
 * Conversations, each in its latest state only: LangGraph's own saver keeps the whole conversation
 * again for every step that was ever taken in it. New messages are written down with each step, and
 * read again once they are asked for; the rest of a state is of use during a turn alone.
 *
 * States share their messages, and nothing copies them: whoever has a message must not change it.
 */
export class LatestCheckpointSaver extends MemorySaver {
  readonly #store: ConversationStore;
  readonly #writer: ConversationWriter;
  readonly #onDamage: CheckpointSaverOptions["onDamage"];
  // In the order of their last change.
  readonly #sizes = new Map<string, number>();
  readonly #loads = new Map<string, Promise<void>>();
  // What each takes in memory, and those that have more than their latest state.
  readonly #costs = new Map<string, number>();
  readonly #unsettled = new Set<string>();
  #totalBytes = 0;

  constructor(store: ConversationStore, { onDamage }: CheckpointSaverOptions = {}) {
    super(asItIs);
    this.#store = store;
    this.#writer = new ConversationWriter(store);
    this.#onDamage = onDamage;
  }

  /** What the messages of a conversation take in memory, in bytes, as of the last that were written. */
  sizeOf(threadId: string): number {
    return this.#sizes.get(threadId) ?? 0;
  }

  /** Bytes that all conversations take in memory, with the states that a turn needs besides the latest. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Those in memory, the one that rested longest first. */
  get threadIds(): string[] {
    return [...this.#sizes.keys()];
  }

  override async getTuple(...args: GetArguments): ReturnType<MemorySaver["getTuple"]> {
    await this.#load(threadOf(args[0]));
    const found = await super.getTuple(...args);
    // LangGraph applies what is not yet part of the state to what it is given.
    return found && { ...found, checkpoint: copyCheckpoint(found.checkpoint) };
  }

  override async put(...args: PutArguments): ReturnType<MemorySaver["put"]> {
    await this.#load(threadOf(args[0]));
    const saved = await super.put(...args);
    const threadId = threadOf(saved);
    this.#prune(threadId);
    this.#note(threadId, await this.#writer.write(threadId, messagesOf(args[1])));
    return saved;
  }

  override async putWrites(...args: WritesArguments): ReturnType<MemorySaver["putWrites"]> {
    const threadId = threadOf(args[0]);
    await this.#load(threadId);
    await super.putWrites(...args);
    this.#count(threadId);
  }

  /** Leave the latest state alone in memory. Not while a turn of it runs, which may need the others. */
  settle(isBusy: (threadId: string) => boolean): void {
    for (const threadId of this.#unsettled) {
      if (isBusy(threadId)) continue;
      this.#keepLatest(threadId, 1);
      for (const id of Object.keys(this.storage[threadId]?.[NAMESPACE] ?? {})) {
        delete this.writes[writesKey(threadId, id)];
      }
      this.#count(threadId);
      this.#unsettled.delete(threadId);
    }
  }

  /** Also from the store. */
  override async deleteThread(threadId: string): Promise<void> {
    await this.#writer.delete(threadId);
    await this.unload(threadId);
  }

  /** From memory only. Not while a turn of it runs. */
  async unload(threadId: string): Promise<void> {
    await super.deleteThread(threadId);
    this.#writer.forget(threadId);
    this.#sizes.delete(threadId);
    this.#loads.delete(threadId);
    this.#unsettled.delete(threadId);
    this.#count(threadId);
  }

  /** Once, whoever asks. Where it fails the next one tries again. */
  #load(threadId: string): Promise<void> {
    const known = this.#loads.get(threadId);
    if (known) return known;
    const load = this.#read(threadId).catch((error: unknown) => {
      this.#loads.delete(threadId);
      throw error;
    });
    this.#loads.set(threadId, load);
    return load;
  }

  async #read(threadId: string): Promise<void> {
    const stored = await this.#store.load(threadId);
    if (stored === null) return;
    const { messages, damaged, isExact } = await readStored(stored);
    if (damaged > 0) this.#onDamage?.({ threadId, messages: damaged });
    const positions = isExact ? (stored.messages ?? []) : null;
    const written =
      positions?.flatMap(({ position }, index) => {
        const message = messages[index];
        return message === undefined ? [] : [{ message, position }];
      }) ?? null;
    this.#writer.noteRead(threadId, written);
    const checkpoint = {
      ...emptyCheckpoint(),
      channel_values: { messages },
      channel_versions: { messages: 1 },
    };
    const config = { configurable: { thread_id: threadId, checkpoint_ns: NAMESPACE } };
    await super.put(config, checkpoint, { source: "update", step: 0, parents: {} });
    this.#prune(threadId);
    this.#note(threadId, costOfMessages(messages));
  }

  #prune(threadId: string): void {
    this.#keepLatest(threadId, KEPT_CHECKPOINTS);
    this.#unsettled.add(threadId);
    this.#note(threadId, this.sizeOf(threadId));
  }

  /** Note what the messages of a conversation that changed take in memory. */
  #note(threadId: string, size: number): void {
    this.#sizes.delete(threadId);
    this.#sizes.set(threadId, size);
    this.#count(threadId);
  }

  #keepLatest(threadId: string, kept: number): void {
    const checkpoints = this.storage[threadId]?.[NAMESPACE] ?? {};
    const ids = newestFirst(checkpoints);
    for (const id of ids.slice(kept)) {
      delete checkpoints[id];
      delete this.writes[writesKey(threadId, id)];
    }
  }

  #count(threadId: string): void {
    let entries = 0;
    for (const id of Object.keys(this.storage[threadId]?.[NAMESPACE] ?? {})) {
      entries += 1 + Object.keys(this.writes[writesKey(threadId, id)] ?? {}).length;
    }
    // What was written to a state, and is no part of the next yet, is bounded with the turn's log.
    const cost = this.sizeOf(threadId) + entries * ENTRY_COST_BYTES;
    this.#totalBytes += cost - (this.#costs.get(threadId) ?? 0);
    if (cost === 0) this.#costs.delete(threadId);
    else this.#costs.set(threadId, cost);
  }
}

/** Returns the name that LangGraph's saver gives to what is written to a state. */
function writesKey(threadId: string, checkpointId: string): string {
  return JSON.stringify([threadId, NAMESPACE, checkpointId]);
}

function messagesOf({ channel_values: values }: PutArguments[1]): BaseMessage[] {
  const messages: unknown = values["messages"];
  return Array.isArray(messages) ? messages.filter((message) => isBaseMessage(message)) : [];
}

function threadOf(config: GetArguments[0]): string {
  return String(config.configurable?.["thread_id"]);
}

/** Ids begin with the time at which they were made. */
function newestFirst(checkpoints: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(checkpoints).toSorted().toReversed();
}
