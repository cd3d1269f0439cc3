import type { OutputChunk } from "@carrel/backend-protocol";

/** What a process has written so far, for any number of readers at any point of it. */
export class OutputLog {
  readonly #chunks: OutputChunk[] = [];
  #dropped = 0;
  #byteLength = 0;
  #closed = false;
  #readers = 0;
  #changed = Promise.withResolvers<void>();

  get byteLength(): number {
    return this.#byteLength;
  }

  append(stream: OutputChunk["stream"], data: Uint8Array): void {
    this.#chunks.push({ sequence: this.#dropped + this.#chunks.length + 1, stream, data });
    this.#byteLength += data.length;
    this.#announce();
  }

  close(): void {
    this.#closed = true;
    this.#announce();
  }

  /** Forget what was kept: later readers begin behind it. Not under one who is still reading. */
  clear(): void {
    if (this.#readers > 0) return;
    this.#dropped += this.#chunks.length;
    this.#chunks.length = 0;
    this.#byteLength = 0;
  }

  async *read(after: number): AsyncGenerator<OutputChunk, void> {
    this.#readers++;
    try {
      yield* this.#readFrom(after + 1);
    } finally {
      this.#readers--;
    }
  }

  async *#readFrom(first: number): AsyncGenerator<OutputChunk, void> {
    let next = first;
    for (;;) {
      const changed = this.#changed.promise;
      next = Math.max(next, this.#dropped + 1);
      for (let chunk = this.#at(next); chunk; chunk = this.#at(++next)) yield chunk;
      if (this.#closed) return;
      await changed;
    }
  }

  #at(sequence: number): OutputChunk | undefined {
    return this.#chunks[sequence - this.#dropped - 1];
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
