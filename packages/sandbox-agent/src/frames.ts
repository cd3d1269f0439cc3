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

const MAX_PAYLOAD_BYTES: Readonly<Record<number, number>> = {
  [FRAME.hello]: MAX_JSON_BYTES,
  [FRAME.goodbye]: MAX_JSON_BYTES,
  [FRAME.open]: MAX_JSON_BYTES,
  [FRAME.event]: MAX_JSON_BYTES,
  [FRAME.result]: MAX_JSON_BYTES,
  [FRAME.error]: MAX_JSON_BYTES,
  [FRAME.data]: MAX_DATA_BYTES + CHUNK_HEAD_BYTES,
  [FRAME.ping]: 8,
  [FRAME.pong]: 8,
  [FRAME.window]: 4,
  [FRAME.end]: 0,
  [FRAME.cancel]: 0,
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
 * Takes a byte stream apart into frames. It holds no more than one frame that is not whole yet, and
 * never makes room for what a header only claims.
 */
export class FrameDecoder {
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** How many bytes must have come before it pays to look again. */
  #awaitedBytes = HEADER_BYTES;

  /**
   * The frames that are whole with these bytes; payloads share their memory.
   * @throws {@link FrameError}: nothing that follows has a meaning
   */
  *push(bytes: Buffer): Generator<Frame, void> {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    if (this.#restBytes < this.#awaitedBytes) return;
    const buffer = this.#rest.length === 1 ? bytes : Buffer.concat(this.#rest);
    let start = 0;
    for (;;) {
      const size = frameSize(buffer, start);
      this.#awaitedBytes = size;
      if (buffer.length - start < size) break;
      yield frameAt(buffer, start, start + size);
      start += size;
    }
    const rest = buffer.subarray(start);
    this.#rest = rest.length === 0 ? [] : [rest];
    this.#restBytes = rest.length;
  }
}

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
  const maxBytes = MAX_PAYLOAD_BYTES[type];
  if (maxBytes === undefined) throw new FrameError(`a frame of the unknown type ${type}`);
  const payloadBytes = buffer.readUInt32BE(start) - COUNTED_HEADER_BYTES;
  if (payloadBytes < 0 || payloadBytes > maxBytes) {
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
