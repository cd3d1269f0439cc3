import type { OutputChunk } from "./process.ts";

/** Memory that a chunk takes beyond its bytes, as an object: measured, rounded up. */
export const CHUNK_COST_BYTES = 320;

/** In front of each chunk: its length, its stream, its sequence number. */
const HEAD_BYTES = 9;
const BLOCK_BYTES = 16 * 1024;
const STREAMS = { stdout: 1, stderr: 2 } as const;

export interface PackedChunk {
  chunk: OutputChunk;
  /** The position at which the next one begins. */
  next: number;
}

/**
 * Chunks of output in one block of memory, each with its number and its stream. As an object, a chunk of
 * one byte takes hundreds; here it takes ten.
 */
export class PackedChunks {
  readonly #block: Buffer;
  #usedBytes = 0;
  #lastSequence: number;

  /** @param roomBytes for this chunk, which has room in any case, and those that follow; 16 KiB at most */
  constructor(first: OutputChunk, roomBytes: number = BLOCK_BYTES) {
    const size = Math.max(Math.min(roomBytes, BLOCK_BYTES), HEAD_BYTES + first.data.length);
    // Not of Node's shared pool, which others would keep in memory.
    this.#block = Buffer.allocUnsafeSlow(size);
    this.#lastSequence = first.sequence;
    this.add(first);
  }

  get costBytes(): number {
    return this.#block.length + CHUNK_COST_BYTES;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Adds a chunk that follows those in it; `false` if it has no room. */
  add({ sequence, stream, data }: OutputChunk): boolean {
    const start = this.#usedBytes;
    const end = start + HEAD_BYTES + data.length;
    if (end > this.#block.length) return false;
    this.#block.writeUInt32LE(data.length, start);
    this.#block.writeUInt8(STREAMS[stream], start + 4);
    this.#block.writeUInt32LE(sequence, start + 5);
    this.#block.set(data, start + HEAD_BYTES);
    this.#usedBytes = end;
    this.#lastSequence = sequence;
    return true;
  }

  /** The chunk that begins at this position, in memory of its own; `null` behind the last one. */
  at(position: number): PackedChunk | null {
    if (position >= this.#usedBytes) return null;
    const start = position + HEAD_BYTES;
    const next = start + this.#block.readUInt32LE(position);
    const stream = this.#block.readUInt8(position + 4) === STREAMS.stdout ? "stdout" : "stderr";
    const sequence = this.#block.readUInt32LE(position + 5);
    return {
      chunk: { sequence, stream, data: new Uint8Array(this.#block.subarray(start, next)) },
      next,
    };
  }
}
