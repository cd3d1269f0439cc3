import { describe, expect, it, vi } from "vitest";
import {
  CHUNK_HEAD_BYTES,
  FRAME,
  FrameDecoder,
  FrameError,
  MAX_DATA_BYTES,
  MAX_JSON_BYTES,
} from "./frames.ts";
import type { Frame } from "./frames.ts";
import { heldBufferBytes } from "./testing/held-memory.ts";
import { Random } from "./testing/random.ts";
import { encodeFrame } from "./testing/scripted-agent.ts";

const KIBIBYTE = 1024;
const HEADER_BYTES = 9;
const JSON_TYPES = [
  FRAME.hello,
  FRAME.goodbye,
  FRAME.open,
  FRAME.event,
  FRAME.result,
  FRAME.error,
] as const;
const FIXED_SIZES = [
  [FRAME.ping, 8],
  [FRAME.pong, 8],
  [FRAME.window, 4],
  [FRAME.end, 0],
  [FRAME.cancel, 0],
] as const;

function decodeAll(pieces: Iterable<Buffer>): Frame[] {
  const decoder = new FrameDecoder();
  return [...pieces].flatMap((piece) => [...decoder.push(piece)]);
}

function byteByByte(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte) => Buffer.of(byte));
}

function randomFrame(random: Random): Frame {
  const stream = random.below(2 ** 32);
  const [type, size] = random.pick([
    ...FIXED_SIZES,
    ...JSON_TYPES.map(
      (json) => [json, 2 + random.below(random.pick([20, 20, 3000, 80_000]))] as const,
    ),
    [FRAME.data, 1 + random.below(random.pick([20, 20, 3000, MAX_DATA_BYTES]))] as const,
  ]);
  return { type, stream, payload: Buffer.alloc(size, random.bytes(251)) };
}

function encode({ type, stream, payload }: Frame): Buffer {
  return encodeFrame(type as (typeof FRAME)["data"], stream, payload);
}

/** A header that says what it likes. */
function header(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt8(type, 4);
  return bytes;
}

describe("frames", () => {
  it("come out as they went in, wherever the stream is cut", () => {
    const random = new Random(1);
    for (let round = 0; round < 300; round++) {
      const frames = Array.from({ length: 1 + random.below(6) }, () => randomFrame(random));
      const bytes = Buffer.concat(frames.map(encode));
      const decoded = decodeAll(random.cut(bytes, random.pick([100, 3000, 70_000])));
      expect(Buffer.concat(decoded.map(encode)).equals(bytes), `round ${round}`).toBe(true);
      expect(decoded).toHaveLength(frames.length);
    }
  });

  it("come out byte by byte", () => {
    const frames: Frame[] = [
      { type: FRAME.end, stream: 1, payload: Buffer.alloc(0) },
      { type: FRAME.data, stream: 2, payload: Buffer.from("some bytes") },
      { type: FRAME.ping, stream: 0, payload: Buffer.from("12345678") },
      { type: FRAME.data, stream: 2 ** 32 - 1, payload: Buffer.alloc(300, "x") },
    ];
    expect(decodeAll(byteByByte(Buffer.concat(frames.map(encode))))).toEqual(frames);
  });

  it("come out of one piece, all at once and in its memory", () => {
    const random = new Random(2);
    const frames = Array.from({ length: 20 }, () => randomFrame(random));
    const bytes = Buffer.concat(frames.map(encode));
    const decoded = decodeAll([bytes]);
    expect(decoded).toEqual(frames);
    for (const { payload } of decoded) expect(payload.buffer).toBe(bytes.buffer);
  });

  it("own what came in pieces, whatever becomes of the pieces and of later frames", () => {
    const decoder = new FrameDecoder();
    const decoded: Frame[] = [];
    for (const letter of ["a", "b", "c"]) {
      const frame = encodeFrame(FRAME.data, 1, Buffer.alloc(1000, letter));
      for (const piece of [frame.subarray(0, 500), frame.subarray(500)]) {
        decoded.push(...decoder.push(piece));
        piece.fill(0);
      }
    }
    const texts = decoded.map(({ payload }) => payload.toString());
    expect(texts).toEqual(["a", "b", "c"].map((letter) => letter.repeat(1000)));
  });
});

describe("a decoder", () => {
  const LARGEST = encodeFrame(FRAME.result, 1, Buffer.alloc(MAX_JSON_BYTES, "x"));

  it("makes no room for what a header only claims", () => {
    const held = heldBufferBytes(() =>
      Array.from({ length: 200 }, () => {
        const decoder = new FrameDecoder();
        expect([...decoder.push(LARGEST.subarray(0, HEADER_BYTES + 1))]).toEqual([]);
        return decoder;
      }),
    );
    expect(held).toBeLessThan(200 * KIBIBYTE);
  });

  it.each([10, 100, 5000, 70_000])(
    "holds twice what came in pieces of %i at most",
    (pieceBytes) => {
      const total = 100 * KIBIBYTE;
      const held = heldBufferBytes(() =>
        Array.from({ length: 10 }, () => {
          const decoder = new FrameDecoder();
          for (let start = 0; start < total; start += pieceBytes) {
            decoder.push(LARGEST.subarray(start, Math.min(start + pieceBytes, total))).next();
          }
          return decoder;
        }),
      );
      expect(held).toBeGreaterThan(10 * total);
      expect(held).toBeLessThan(10 * 2 * total + 200 * KIBIBYTE);
    },
  );

  it("holds nothing of a large piece but the beginning of a frame at its end", () => {
    const held = heldBufferBytes(() =>
      Array.from({ length: 20 }, () => {
        const decoder = new FrameDecoder();
        const whole = encodeFrame(FRAME.result, 1, Buffer.alloc(500 * KIBIBYTE));
        const piece = Buffer.concat([whole, LARGEST.subarray(0, KIBIBYTE)]);
        expect([...decoder.push(piece)]).toHaveLength(1);
        return decoder;
      }),
    );
    expect(held).toBeLessThan(20 * 2 * KIBIBYTE + 200 * KIBIBYTE);
  });

  it("copies nothing of whole frames, and bytes thrice on average at most", () => {
    const copied = (pieces: readonly Buffer[]): number => {
      const copy = vi.spyOn(Buffer.prototype, "copy");
      expect(decodeAll(pieces)).toHaveLength(1);
      const counts = copy.mock.results.map(({ value }) => value as number);
      copy.mockRestore();
      return counts.reduce((sum, count) => sum + count, 0);
    };
    const { length } = LARGEST;
    const random = new Random(3);
    expect(copied([LARGEST])).toBe(0);
    expect(copied([LARGEST.subarray(0, length / 2 + 1), LARGEST.subarray(length / 2 + 1)])).toBe(
      length,
    );
    for (const maxPieceBytes of [500, 65_536]) {
      expect(copied(random.cut(LARGEST, maxPieceBytes))).toBeLessThanOrEqual(3 * length);
    }
  });
});

describe("a header that cannot be", () => {
  const bounds: (readonly [type: number, minimum: number, maximum: number])[] = [
    ...JSON_TYPES.map((type) => [type, 2, MAX_JSON_BYTES] as const),
    [FRAME.data, 1, MAX_DATA_BYTES + CHUNK_HEAD_BYTES],
    ...FIXED_SIZES.map(([type, size]) => [type, size, size] as const),
  ];
  const known = bounds.map(([type]) => type);
  const malformed = [
    ...bounds.flatMap(([type, minimum, maximum]) =>
      [minimum - 1, maximum + 1].map((size) => header(type, size + 5)),
    ),
    ...known.flatMap((type) => [0, 4, 2 ** 31, 2 ** 32 - 1].map((length) => header(type, length))),
    ...Array.from({ length: 256 }, (_, type) => type)
      .filter((type) => !known.includes(type))
      .map((type) => header(type, 13)),
  ];

  it("is refused, in one piece and byte by byte", () => {
    for (const bytes of malformed) {
      expect(() => decodeAll([bytes]), bytes.toString("hex")).toThrow(FrameError);
      expect(() => decodeAll(byteByByte(bytes)), bytes.toString("hex")).toThrow(FrameError);
    }
  });

  it("leaves the frames before it", () => {
    const decoder = new FrameDecoder();
    const frames = decoder.push(
      Buffer.concat([encodeFrame(FRAME.end, 3, Buffer.alloc(0)), header(0, 13)]),
    );
    expect(frames.next().value).toMatchObject({ type: FRAME.end, stream: 3 });
    expect(() => frames.next()).toThrow(FrameError);
  });

  it("is all that random bytes can be refused for", () => {
    const random = new Random(4);
    let refused = 0;
    for (let round = 0; round < 2000; round++) {
      const bytes = random.bytes(1 + random.below(200));
      // Most would be refused for their first byte.
      if (random.below(2) === 0) header(random.pick(known), 5 + random.below(20)).copy(bytes);
      try {
        decodeAll(random.cut(bytes, 50));
      } catch (error) {
        expect(error, `round ${round}`).toBeInstanceOf(FrameError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});
