import { LoopShare } from "@carrel/backend-protocol";
import type { BaseMessage } from "@langchain/core/messages";
import { writeMessage } from "./conversation-record.ts";
import type { ConversationStore, PositionRange, StoredMessage } from "./conversation-store.ts";
import { costOfMessages } from "./message-cost.ts";

interface WrittenMessage {
  message: BaseMessage;
  position: number;
}

interface Thread {
  /** What is stored, in the order of the positions. `null` if it is not known for sure. */
  written: readonly WrittenMessage[] | null;
  /** The share of the event loop's time that its writing has. */
  share: LoopShare;
  isDeleted: boolean;
  /** Settles when the last write that was asked for has ended. Never rejects. */
  idle: Promise<void>;
}

/**
 * Writes conversations down as they grow. Each write costs what is new in the conversation, and not
 * the whole of it: a message that was written before is known by its object, which nobody changes.
 */
export class ConversationWriter {
  readonly #store: ConversationStore;
  readonly #threads = new Map<string, Thread>();

  constructor(store: ConversationStore) {
    this.#store = store;
  }

  /**
   * Take note of a conversation that was read.
   * @param written the messages with their positions, if each is stored as it was read, otherwise `null`
   */
  noteRead(threadId: string, written: readonly WrittenMessage[] | null): void {
    this.#thread(threadId).written = written;
  }

  /**
   * Make what is stored of a conversation these messages. Writes of one conversation follow each other.
   * @returns what the messages cost in memory, in bytes
   */
  async write(threadId: string, messages: readonly BaseMessage[]): Promise<number> {
    const thread = this.#thread(threadId);
    const write = thread.idle.then(() => this.#write(threadId, thread, messages));
    thread.idle = write.catch(() => {});
    await write;
    return costOfMessages(messages);
  }

  async delete(threadId: string): Promise<void> {
    const thread = this.#threads.get(threadId);
    if (thread !== undefined) {
      thread.isDeleted = true;
      await thread.idle;
    }
    await this.#store.delete(threadId);
    this.forget(threadId);
  }

  /** Keep nothing in memory. Not while it is written. */
  forget(threadId: string): void {
    this.#threads.delete(threadId);
  }

  async #write(threadId: string, thread: Thread, messages: readonly BaseMessage[]): Promise<void> {
    if (thread.isDeleted) return;
    const before = thread.written;
    const kept = keptOf(before ?? [], messages);
    const next = (before?.at(-1)?.position ?? -1) + 1;
    const added: StoredMessage[] = [];
    for (const message of messages.slice(kept.length)) {
      const turn = thread.share.turn();
      if (turn) await turn;
      const startMs = performance.now();
      added.push({ position: next + added.length, content: writeMessage(message) });
      thread.share.charge(performance.now() - startMs);
    }
    const removed = before === null ? "all" : removedRanges(before, kept);
    if (removed.length === 0 && added.length === 0) return;
    // If this fails, a part of it may be stored, so that the next write replaces it all.
    thread.written = null;
    await this.#store.change(threadId, { removed, added });
    thread.written = [
      ...kept,
      ...messages.slice(kept.length).map((message, index) => ({ message, position: next + index })),
    ];
  }

  #thread(threadId: string): Thread {
    const known = this.#threads.get(threadId);
    if (known) return known;
    const thread: Thread = {
      written: [],
      share: new LoopShare(),
      isDeleted: false,
      idle: Promise.resolve(),
    };
    this.#threads.set(threadId, thread);
    return thread;
  }
}

/** Returns the part of what is stored with which the messages begin. */
function keptOf(
  written: readonly WrittenMessage[],
  messages: readonly BaseMessage[],
): WrittenMessage[] {
  const kept: WrittenMessage[] = [];
  for (const one of written) {
    if (one.message === messages[kept.length]) kept.push(one);
  }
  return kept;
}

/** Returns where what is not kept stands, as few ranges: the removed messages mostly follow each other. */
function removedRanges(
  written: readonly WrittenMessage[],
  kept: readonly WrittenMessage[],
): PositionRange[] {
  const ranges: PositionRange[] = [];
  let index = 0;
  let first: number | null = null;
  let last = 0;
  for (const one of written) {
    if (one !== kept[index]) {
      first ??= one.position;
      last = one.position;
      continue;
    }
    index += 1;
    if (first !== null) ranges.push([first, last]);
    first = null;
  }
  if (first !== null) ranges.push([first, last]);
  return ranges;
}
