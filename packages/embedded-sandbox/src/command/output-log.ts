import { LoopShare, MemoryMeter, PackedChunks } from "@carrel/backend-protocol";
import type { MemoryBudget, OutputChunk, SandboxError } from "@carrel/backend-protocol";

/** The place of a reader: a block, and a position in it. */
interface Place {
  block: number;
  position: number;
}

/**
 * What a process has written so far, for any number of readers at any point of it. It takes ten times its
 * bytes at most, however small the chunks are.
 */
export class OutputLog {
  readonly #memory: MemoryMeter;
  readonly #blocks: PackedChunks[] = [];
  /** Blocks that were forgotten. */
  #droppedBlocks = 0;
  #lastSequence = 0;
  #costBytes = 0;
  #closed = false;
  #readers = 0;
  #changed = Promise.withResolvers<void>();

  /** @param memory counts it. If the budget ends it, the output is forgotten, and its readers are told so */
  constructor(memory: MemoryBudget) {
    this.#memory = new MemoryMeter(memory, () => {
      this.#forget();
      this.#announce();
    });
  }

  /** What it takes in memory. */
  get costBytes(): number {
    return this.#costBytes;
  }

  /** Why some of the output was dropped; `null` if none was. */
  get failure(): SandboxError | null {
    return this.#memory.failure;
  }

  append(stream: OutputChunk["stream"], data: Uint8Array): void {
    if (this.failure) return;
    const chunk = { sequence: ++this.#lastSequence, stream, data };
    if (!this.#blocks.at(-1)?.add(chunk)) {
      // Little for commands that write little, of which many are kept.
      const block = new PackedChunks(chunk, this.#costBytes);
      this.#blocks.push(block);
      this.#costBytes += block.costBytes;
      this.#memory.set(this.#costBytes);
    }
    this.#announce();
  }

  close(): void {
    this.#closed = true;
    this.#announce();
  }

  /** Forget what was kept: later readers begin behind it. Not under one who is still reading. */
  clear(): void {
    if (this.#readers === 0) this.#forget();
  }

  /** @throws `capacity` if its budget ended it */
  async *read(after: number): AsyncGenerator<OutputChunk, void> {
    this.#readers++;
    try {
      yield* this.#readFrom(after);
    } finally {
      this.#readers--;
    }
  }

  #forget(): void {
    this.#droppedBlocks += this.#blocks.length;
    this.#blocks.length = 0;
    this.#costBytes = 0;
    this.#memory.set(0);
  }

  async *#readFrom(after: number): AsyncGenerator<OutputChunk, void> {
    const share = new LoopShare();
    const place = { block: this.#firstBlock(after), position: 0 };
    for (;;) {
      const changed = this.#changed.promise;
      for (let chunk = this.#next(place); chunk; chunk = this.#next(place)) {
        share.chargePiece(chunk.data.length);
        const turn = share.turn();
        if (turn) await turn;
        if (chunk.sequence > after) yield chunk;
      }
      if (this.failure) throw this.failure;
      if (this.#closed) return;
      await changed;
    }
  }

  /** The first one with anything behind this number, or the one that comes next. */
  #firstBlock(after: number): number {
    const index = this.#blocks.findIndex(({ lastSequence }) => lastSequence > after);
    return this.#droppedBlocks + (index === -1 ? this.#blocks.length : index);
  }

  #next(place: Place): OutputChunk | null {
    if (place.block < this.#droppedBlocks) {
      place.block = this.#droppedBlocks;
      place.position = 0;
    }
    for (;;) {
      const index = place.block - this.#droppedBlocks;
      const packed = this.#blocks[index]?.at(place.position);
      if (packed) {
        place.position = packed.next;
        return packed.chunk;
      }
      // The last block may get more.
      if (index >= this.#blocks.length - 1) return null;
      place.block++;
      place.position = 0;
    }
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
