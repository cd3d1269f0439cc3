import { CHUNK_COST_BYTES, MemoryMeter, PackedChunks } from "@carrel/backend-protocol";
import type { LoopShare, MemoryBudget, OutputChunk, SandboxError } from "@carrel/backend-protocol";
import { Fifo } from "./fifo.ts";

/** How many chunks are kept as they are: a reader that keeps up costs no packing. */
const MAX_LOOSE_CHUNKS = 64;
/** What is larger takes little more memory than its bytes. */
const SMALL_BYTES = 2 * 1024;

export interface OutputQueueOptions {
  /** What the process may write. */
  maxBytes: number;
  /** The budget in which what waits counts. @default none */
  memory?: MemoryBudget;
  /** The loop's time that its reader takes. */
  share: LoopShare;
}

/** Small chunks that lie packed, and how far they were read. */
interface Packed {
  chunks: PackedChunks;
  position: number;
}

/**
 * Output that waits for its reader. It holds all that a process may write, and takes ten times that at
 * most, however small the chunks are. If its budget ends it, all that waits is dropped and its reader is
 * told so.
 */
export class OutputQueue implements AsyncIterable<OutputChunk> {
  readonly #maxBytes: number;
  readonly #share: LoopShare;
  readonly #memory: MemoryMeter;
  readonly #entries = new Fifo<OutputChunk | Packed>();
  #bytes = 0;
  #ended = false;
  #left = false;
  #failure: SandboxError | null = null;
  #wake: (() => void) | null = null;

  constructor({ maxBytes, memory, share }: OutputQueueOptions) {
    this.#maxBytes = maxBytes;
    this.#share = share;
    this.#memory = new MemoryMeter(memory ?? null, (error) => this.fail(error));
  }

  /** Why some of the output was dropped; `null` if none was. */
  get failure(): SandboxError | null {
    return this.#failure;
  }

  /** Drops what waits, and all that comes: its reader gets this error. */
  fail(error: SandboxError): void {
    this.#failure ??= error;
    this.#entries.clear();
    this.#memory[Symbol.dispose]();
    this.#wake?.();
  }

  /** `false` where more has come than the process may write. */
  push(chunk: OutputChunk): boolean {
    this.#bytes += chunk.data.length;
    if (this.#bytes > this.#maxBytes) return false;
    if (this.#left || this.failure) return true;
    this.#memory.change(this.#add(chunk));
    this.#wake?.();
    return true;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** @throws `capacity` if its budget ended it */
  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk, void> {
    try {
      for (;;) {
        const turn = this.#entries.size > 0 ? this.#share.turn() : null;
        if (turn) await turn;
        if (this.failure) throw this.failure;
        const chunk = this.#shift();
        if (chunk) {
          this.#share.chargePiece(chunk.data.length);
          yield chunk;
        } else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#left = true;
      this.#entries.clear();
      this.#memory[Symbol.dispose]();
    }
  }

  /** @returns how much more memory it takes now */
  #add(chunk: OutputChunk): number {
    const { last } = this.#entries;
    if (chunk.data.length > SMALL_BYTES || this.#entries.size < MAX_LOOSE_CHUNKS) {
      this.#entries.push(chunk);
      return looseCost(chunk);
    }
    if (last && isPacked(last) && last.chunks.add(chunk)) return 0;
    const chunks = new PackedChunks(chunk);
    this.#entries.push({ chunks, position: 0 });
    return chunks.costBytes;
  }

  #shift(): OutputChunk | null {
    const { first } = this.#entries;
    if (first === undefined) return null;
    if (!isPacked(first)) {
      this.#entries.shift();
      this.#memory.change(-looseCost(first));
      return first;
    }
    const packed = first.chunks.at(first.position);
    if (packed && first.chunks.at(packed.next)) {
      first.position = packed.next;
      return packed.chunk;
    }
    this.#entries.shift();
    this.#memory.change(-first.chunks.costBytes);
    return packed?.chunk ?? null;
  }
}

function isPacked(entry: OutputChunk | Packed): entry is Packed {
  return "chunks" in entry;
}

function looseCost({ data }: OutputChunk): number {
  return data.length + CHUNK_COST_BYTES;
}
