import type { OutputChunk } from "@carrel/backend-protocol";
import { Fifo } from "./fifo.ts";

/** What keeping a chunk costs beyond its bytes, roughly: so that many small ones are bounded too. */
const CHUNK_COST_BYTES = 128;
const SMALL_CHUNKS_BYTES = 8 * 1024 * 1024;

/**
 * Output that waits for its reader. It holds all that a process may write; of very many tiny chunks
 * the oldest are dropped, which their sequence numbers tell.
 */
export class OutputQueue implements AsyncIterable<OutputChunk> {
  readonly #maxBytes: number;
  readonly #chunks = new Fifo<OutputChunk>();
  #cost = 0;
  #bytes = 0;
  #ended = false;
  #left = false;
  #wake: (() => void) | null = null;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** `false` where more has come than the process may write. */
  push(chunk: OutputChunk): boolean {
    this.#bytes += chunk.data.length;
    if (this.#bytes > this.#maxBytes) return false;
    if (this.#left) return true;
    this.#chunks.push(chunk);
    this.#cost += cost(chunk);
    while (this.#cost > this.#maxBytes + SMALL_CHUNKS_BYTES) this.#shift();
    this.#wake?.();
    return true;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk, void> {
    try {
      for (;;) {
        const chunk = this.#shift();
        if (chunk) yield chunk;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#left = true;
      this.#chunks.clear();
    }
  }

  #shift(): OutputChunk | undefined {
    const chunk = this.#chunks.shift();
    if (chunk) this.#cost -= cost(chunk);
    return chunk;
  }
}

function cost({ data }: OutputChunk): number {
  return data.length + CHUNK_COST_BYTES;
}
