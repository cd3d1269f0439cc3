import { MemorySaver } from "@langchain/langgraph";
import { z } from "zod";
import type { ConversationStore } from "./conversation-store.ts";

type PutArguments = Parameters<MemorySaver["put"]>;
type GetArguments = Parameters<MemorySaver["getTuple"]>;
type WritesArguments = Parameters<MemorySaver["putWrites"]>;

// The one before the latest may still be written to when the latest is put.
const KEPT_CHECKPOINTS = 2;

/** By namespace: the id of the checkpoint, the checkpoint and its metadata as JSON, its parent. */
const contentSchema = z.record(
  z.string(),
  z.tuple([z.string(), z.string(), z.string(), z.string().nullable()]),
);

/**
 * Conversations, each in its latest state only: LangGraph's own saver keeps the whole conversation
 * again for every step that was ever taken in it. What is in memory is written down with each step,
 * and read again once it is asked for.
 */
export class LatestCheckpointSaver extends MemorySaver {
  readonly #store: ConversationStore;
  // In the order of their last change.
  readonly #sizes = new Map<string, number>();
  readonly #loads = new Map<string, Promise<void>>();

  constructor(store: ConversationStore) {
    super();
    this.#store = store;
  }

  /** Bytes that a conversation takes in memory. */
  sizeOf(threadId: string): number {
    return this.#sizes.get(threadId) ?? 0;
  }

  get totalBytes(): number {
    let total = 0;
    for (const size of this.#sizes.values()) total += size;
    return total;
  }

  /** Those in memory, the one that rested longest first. */
  get threadIds(): string[] {
    return [...this.#sizes.keys()];
  }

  override async getTuple(...args: GetArguments): ReturnType<MemorySaver["getTuple"]> {
    await this.#load(threadOf(args[0]));
    return super.getTuple(...args);
  }

  override async put(...args: PutArguments): ReturnType<MemorySaver["put"]> {
    await this.#load(threadOf(args[0]));
    const saved = await super.put(...args);
    const threadId = threadOf(saved);
    this.#prune(threadId, String(saved.configurable?.["checkpoint_ns"] ?? ""));
    await this.#store.save(threadId, this.#content(threadId));
    return saved;
  }

  override async putWrites(...args: WritesArguments): ReturnType<MemorySaver["putWrites"]> {
    await this.#load(threadOf(args[0]));
    return super.putWrites(...args);
  }

  /** Also from the store. */
  override async deleteThread(threadId: string): Promise<void> {
    await this.#store.delete(threadId);
    await this.unload(threadId);
  }

  /** From memory only. Not while a turn of it runs. */
  async unload(threadId: string): Promise<void> {
    await super.deleteThread(threadId);
    this.#sizes.delete(threadId);
    this.#loads.delete(threadId);
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
    const content = await this.#store.load(threadId);
    if (content === null) return;
    const namespaces = Object.entries(contentSchema.parse(JSON.parse(content)));
    this.storage[threadId] = Object.fromEntries(
      namespaces.map(([namespace, [id, checkpoint, metadata, parent]]) => [
        namespace,
        { [id]: [Buffer.from(checkpoint), Buffer.from(metadata), parent ?? undefined] },
      ]),
    );
    for (const [namespace] of namespaces) this.#prune(threadId, namespace);
  }

  #content(threadId: string): string {
    const namespaces = Object.entries(this.storage[threadId] ?? {});
    return JSON.stringify(
      Object.fromEntries(
        namespaces.flatMap(([namespace, checkpoints]) => {
          const id = newestFirst(checkpoints)[0] ?? "";
          const latest = checkpoints[id];
          if (!latest) return [];
          const [checkpoint, metadata, parent] = latest;
          return [[namespace, [id, textOf(checkpoint), textOf(metadata), parent ?? null]]];
        }),
      ),
    );
  }

  #prune(threadId: string, namespace: string): void {
    const checkpoints = this.storage[threadId]?.[namespace] ?? {};
    const ids = newestFirst(checkpoints);
    for (const id of ids.slice(KEPT_CHECKPOINTS)) {
      delete checkpoints[id];
      delete this.writes[JSON.stringify([threadId, namespace, id])];
    }
    this.#sizes.delete(threadId);
    this.#sizes.set(threadId, checkpoints[ids[0] ?? ""]?.[0].byteLength ?? 0);
  }
}

function threadOf(config: GetArguments[0]): string {
  return String(config.configurable?.["thread_id"]);
}

/** Ids begin with the time at which they were made. */
function newestFirst(checkpoints: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(checkpoints).toSorted().toReversed();
}

function textOf(json: Uint8Array): string {
  return Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString("utf8");
}
