const HEADER_BYTES = 8;
const KINDS = { 1: "stdout", 2: "stderr" } as const;

export interface Piece {
  kind: "stdout" | "stderr";
  /** 1 byte or more of a frame; the next piece may go on with it. Shares memory with the input. */
  data: Buffer;
}

/** What the engine sent is not in its own format. */
export class DemultiplexError extends Error {
  static {
    this.prototype.name = "DemultiplexError";
  }
}

/**
 * Takes the output of an exec apart. The engine sends frames: a byte for the stream, three of zero,
 * four for the length, then that many bytes. Frames are passed on piece by piece as they come, so
 * that a length promises nothing and costs nothing.
 *
 * @see https://docs.docker.com/reference/api/engine (attach to a container, "Stream format")
 */
export class Demultiplexer {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #kind: Piece["kind"] = "stdout";
  #left = 0;

  /** No frame is cut: the output may end here. */
  get isWhole(): boolean {
    return this.#left === 0 && this.#headerBytes === 0;
  }

  /** @throws DemultiplexError, after which the rest means nothing */
  *push(bytes: Buffer): Generator<Piece, void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#left === 0) {
        const copied = bytes.copy(this.#header, this.#headerBytes, at);
        at += copied;
        this.#headerBytes += copied;
        if (this.#headerBytes === HEADER_BYTES) this.#readHeader();
      } else {
        const end = Math.min(at + this.#left, bytes.length);
        this.#left -= end - at;
        yield { kind: this.#kind, data: bytes.subarray(at, end) };
        at = end;
      }
    }
  }

  #readHeader(): void {
    const stream = this.#header.readUInt8(0);
    if ((stream !== 1 && stream !== 2) || this.#header.readUIntBE(1, 3) !== 0) {
      throw new DemultiplexError(`${this.#header.toString("hex")} begins no frame of output`);
    }
    this.#kind = KINDS[stream];
    this.#left = this.#header.readUInt32BE(4);
    this.#headerBytes = 0;
  }
}
