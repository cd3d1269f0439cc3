/** The types of frames: architecture/agent-protocol.md has the table. */
export const FRAME = {
  hello: 1,
  ping: 2,
  pong: 3,
  goodbye: 4,
  open: 16,
  data: 17,
  end: 18,
  event: 19,
  result: 20,
  error: 21,
  cancel: 22,
  window: 23,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Most bytes of a body in one `DATA` frame. */
export const MAX_DATA_BYTES: number = 64 * 1024;

/** What an output stream has in front of each chunk. */
export const CHUNK_HEAD_BYTES = 5;

export const MAX_JSON_BYTES: number = 1024 * 1024;

const HEADER_BYTES = 9;
/** The part of the header that `length` counts: type and stream. */
const COUNTED_HEADER_BYTES = 5;

/** Fewest and most bytes of each type's payload. */
const PAYLOAD_BYTES: Readonly<Record<number, readonly [minimum: number, maximum: number]>> = {
  [FRAME.hello]: [2, MAX_JSON_BYTES],
  [FRAME.goodbye]: [2, MAX_JSON_BYTES],
  [FRAME.open]: [2, MAX_JSON_BYTES],
  [FRAME.event]: [2, MAX_JSON_BYTES],
  [FRAME.result]: [2, MAX_JSON_BYTES],
  [FRAME.error]: [2, MAX_JSON_BYTES],
  [FRAME.data]: [1, MAX_DATA_BYTES + CHUNK_HEAD_BYTES],
  [FRAME.ping]: [8, 8],
  [FRAME.pong]: [8, 8],
  [FRAME.window]: [4, 4],
  [FRAME.end]: [0, 0],
  [FRAME.cancel]: [0, 0],
};

export interface Frame {
  /** One of {@link FRAME}: a decoder gives no other. */
  type: number;
  stream: number;
  payload: Buffer;
}

export function frameHeader(type: FrameType, stream: number, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(COUNTED_HEADER_BYTES + payloadBytes, 0);
  header.writeUInt8(type, 4);
  header.writeUInt32BE(stream, 5);
  return header;
}

/**
 * Takes a byte stream apart into frames. It holds no more than one frame that is not whole yet, in
 * at most twice the room that its bytes need, and never makes room for what a header only claims.
 * Bytes are not copied where their frame comes in one piece, and three times on average at most
 * however it is cut: where half of it has come already, once.
 */
export class FrameDecoder {
  /** The beginning of a frame and room for more of it, in memory that is nobody else's. */
  #held: Buffer = NOTHING;
  #heldBytes = 0;
  /** How many bytes the held frame has, or its header where not even that has come. */
  #awaitedBytes = 0;

  /**
   * The frames that are whole with these bytes; payloads may share their memory.
   * @throws {@link FrameError}: nothing that follows has a meaning
   */
  *push(bytes: Buffer): Generator<Frame, void> {
    for (let start = 0; start < bytes.length;) {
      if (this.#heldBytes === 0) {
        const size = frameSize(bytes, start);
        if (bytes.length - start >= size) {
          yield frameAt(bytes, start, start + size);
          start += size;
          continue;
        }
        this.#awaitedBytes = size;
      }
      const end = Math.min(bytes.length, start + this.#awaitedBytes - this.#heldBytes);
      this.#add(bytes.subarray(start, end));
      start = end;
      const frame = this.#heldFrame();
      if (frame) yield frame;
    }
  }

  #add(bytes: Buffer): void {
    const total = this.#heldBytes + bytes.length;
    if (total > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#awaitedBytes, 2 * total));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldBytes);
    this.#heldBytes = total;
  }

  /** The frame that is held, once it is whole. */
  #heldFrame(): Frame | null {
    if (this.#heldBytes < this.#awaitedBytes) return null;
    const held = this.#held.subarray(0, this.#heldBytes);
    // With its header the size became known.
    this.#awaitedBytes = frameSize(held, 0);
    if (this.#heldBytes < this.#awaitedBytes) return null;
    this.#held = NOTHING;
    this.#heldBytes = 0;
    return frameAt(held, 0, held.length);
  }
}

const NOTHING = Buffer.alloc(0);

/** The other side does not speak the protocol. */
export class FrameError extends Error {
  static {
    this.prototype.name = "FrameError";
  }
}

/** The size of the frame that begins here, or of a header where not even that has come. */
function frameSize(buffer: Buffer, start: number): number {
  if (buffer.length - start < HEADER_BYTES) return HEADER_BYTES;
  const type = buffer.readUInt8(start + 4);
  const bounds = PAYLOAD_BYTES[type];
  if (bounds === undefined) throw new FrameError(`a frame of the unknown type ${type}`);
  const payloadBytes = buffer.readUInt32BE(start) - COUNTED_HEADER_BYTES;
  if (payloadBytes < bounds[0] || payloadBytes > bounds[1]) {
    throw new FrameError(`a frame of type ${type} that says it has ${payloadBytes} bytes`);
  }
  return HEADER_BYTES + payloadBytes;
}

function frameAt(buffer: Buffer, start: number, end: number): Frame {
  return {
    type: buffer.readUInt8(start + 4),
    stream: buffer.readUInt32BE(start + 5),
    payload: buffer.subarray(start + HEADER_BYTES, end),
  };
}
