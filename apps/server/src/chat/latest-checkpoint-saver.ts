import { MemorySaver } from "@langchain/langgraph";

type PutArguments = Parameters<MemorySaver["put"]>;

// The one before the latest may still be written to when the latest is put.
const KEPT_CHECKPOINTS = 2;

/**
 * Conversations in memory, each in its latest state only. LangGraph's own saver keeps the whole
 * conversation again for every step that was ever taken in it.
 */
export class LatestCheckpointSaver extends MemorySaver {
  // In the order of their last change.
  readonly #sizes = new Map<string, number>();

  /** Bytes that a conversation takes. */
  sizeOf(threadId: string): number {
    return this.#sizes.get(threadId) ?? 0;
  }

  get totalBytes(): number {
    let total = 0;
    for (const size of this.#sizes.values()) total += size;
    return total;
  }

  /** The one that rested longest first. */
  get threadIds(): string[] {
    return [...this.#sizes.keys()];
  }

  override async put(...args: PutArguments): ReturnType<MemorySaver["put"]> {
    const saved = await super.put(...args);
    const threadId = String(saved.configurable?.["thread_id"]);
    const namespace = String(saved.configurable?.["checkpoint_ns"] ?? "");
    const checkpoints = this.storage[threadId]?.[namespace] ?? {};
    // Ids begin with the time at which they were made.
    const newestFirst = Object.keys(checkpoints).toSorted().toReversed();
    for (const id of newestFirst.slice(KEPT_CHECKPOINTS)) {
      delete checkpoints[id];
      delete this.writes[JSON.stringify([threadId, namespace, id])];
    }
    this.#sizes.delete(threadId);
    this.#sizes.set(threadId, checkpoints[newestFirst[0] ?? ""]?.[0].byteLength ?? 0);
    return saved;
  }

  override async deleteThread(threadId: string): Promise<void> {
    await super.deleteThread(threadId);
    this.#sizes.delete(threadId);
  }
}
