import type { Duplex } from "node:stream";
import type { MemoryMeter } from "@carrel/backend-protocol";
import { frameHeader } from "./frames.ts";
import type { FrameType } from "./frames.ts";

/** What is less than this is copied together, so that it leaves in one write. */
const GATHERED_BYTES = 16 * 1024;

/** The frames on their way to the agent: what is sent in one turn of the loop leaves in one write. */
export class Outgoing {
  readonly #stream: Duplex;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #drained: PromiseWithResolvers<void> | null = null;
  #ended = false;
  #memory: MemoryMeter | null = null;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("drain", () => {
      this.#count();
      this.#wake();
    });
  }

  /** Counts from now on what the other side has not taken. */
  countIn(memory: MemoryMeter): void {
    this.#memory?.[Symbol.dispose]();
    this.#memory = memory;
    if (this.#ended) memory[Symbol.dispose]();
    else this.#count();
  }

  /** The other side does not take what was written. */
  get congested(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** What the other side has not taken, in bytes. */
  get unsentBytes(): number {
    return this.#pendingBytes + this.#stream.writableLength;
  }

  /** The payload belongs to this from then on: it must not change any more. */
  send(type: FrameType, stream: number, payload?: Uint8Array): void {
    if (this.#ended) return;
    // A tick comes after all promises that are settled by now have gone on.
    if (this.#pending.length === 0) process.nextTick(() => this.#flush());
    const header = frameHeader(type, stream, payload?.length ?? 0);
    this.#pending.push(header);
    if (payload) this.#pending.push(payload);
    this.#pendingBytes += header.length + (payload?.length ?? 0);
  }

  /** Resolves once the byte stream takes more; at once where it does already. */
  writable(): Promise<void> {
    if (this.#pendingBytes >= GATHERED_BYTES) this.#flush();
    if (!this.congested || this.#ended) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Send nothing more. What waits for the stream goes on, and counts no more: the stream is to end. */
  end(): void {
    this.#flush();
    this.#ended = true;
    this.#memory?.[Symbol.dispose]();
    this.#wake();
  }

  #count(): void {
    this.#memory?.set(this.unsentBytes);
  }

  #wake(): void {
    this.#drained?.resolve();
    this.#drained = null;
  }

  #flush(): void {
    const pending = this.#pending;
    if (pending.length === 0 || this.#ended) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    let gathered: Uint8Array[] = [];
    let bytes = 0;
    const write = (): void => {
      if (gathered.length > 0) this.#stream.write(Buffer.concat(gathered));
      gathered = [];
      bytes = 0;
    };
    for (const part of pending) {
      if (bytes + part.length > GATHERED_BYTES) write();
      if (part.length > GATHERED_BYTES) {
        this.#stream.write(part);
      } else {
        gathered.push(part);
        bytes += part.length;
      }
    }
    write();
    this.#count();
  }
}
