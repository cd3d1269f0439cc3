import { describe, expect, it } from "vitest";
import { DemultiplexError, Demultiplexer } from "./demultiplex.ts";

function frame(stream: number, data: Uint8Array | string): Buffer {
  const bytes = Buffer.from(data);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** All that comes out, by stream, of input that arrives in these parts. */
function demultiplex(parts: readonly Buffer[]): { stdout: Buffer; stderr: Buffer; whole: boolean } {
  const demultiplexer = new Demultiplexer();
  const taken = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const part of parts) {
    for (const { kind, data } of demultiplexer.push(part)) {
      if (data.length === 0) expect.unreachable("a piece of nothing");
      taken[kind].push(data);
    }
  }
  return {
    stdout: Buffer.concat(taken.stdout),
    stderr: Buffer.concat(taken.stderr),
    whole: demultiplexer.isWhole,
  };
}

/** The same numbers in every run, so that what fails can be tried again. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // The low bits of such a generator repeat soon.
    return (state >>> 8) % below;
  };
}

function cut(bytes: Buffer, random: (below: number) => number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random(random(2) === 0 ? 4 : 3000);
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}

describe("The engine's frames", () => {
  it("come apart into two streams, wherever they are cut", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomNumbers(seed);
      const expected = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      const frames: Buffer[] = [];
      for (let count = random(20); count > 0; count--) {
        const data = Buffer.from(Array.from({ length: random(2000) }, () => random(256)));
        const stream = 1 + random(2);
        expected[stream === 1 ? "stdout" : "stderr"].push(data);
        frames.push(frame(stream, data));
      }
      const { stdout, stderr, whole } = demultiplex(cut(Buffer.concat(frames), random));
      const equal = [
        stdout.equals(Buffer.concat(expected.stdout)),
        stderr.equals(Buffer.concat(expected.stderr)),
        whole,
      ];
      expect(equal, `seed ${seed}`).toEqual([true, true, true]);
    }
  });

  it("may be empty", () => {
    const { stdout, whole } = demultiplex([frame(1, ""), frame(1, "a"), frame(2, "")]);
    expect([stdout.toString(), whole]).toEqual(["a", true]);
  });

  it("are passed on as they come: a length of 4 GiB costs nothing", () => {
    const header = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    const { stdout, whole } = demultiplex([header, Buffer.from("a few"), Buffer.from(" bytes")]);
    expect([stdout.toString(), whole]).toEqual(["a few bytes", false]);
  });

  it("hold whatever they hold: bytes like a frame's in the middle are data", () => {
    const inner = Buffer.concat([frame(2, "not an error"), frame(9, "nothing")]);
    const { stdout, stderr } = demultiplex([frame(1, inner)]);
    expect(stdout).toEqual(inner);
    expect(stderr).toHaveLength(0);
  });

  it("are not whole where they are cut", () => {
    const bytes = Buffer.concat([frame(1, "first"), frame(1, "second")]);
    for (let length = 0; length <= bytes.length; length++) {
      const atBoundary = [0, frame(1, "first").length, bytes.length].includes(length);
      expect(demultiplex([bytes.subarray(0, length)]).whole).toBe(atBoundary);
    }
  });

  it("are refused where they are none", () => {
    const noFrames = {
      "the input's stream": frame(0, "a"),
      "the engine's errors": frame(3, "a"),
      "a stream that there is not": frame(255, "a"),
      "bytes that have to be zero": Buffer.from([1, 0, 0, 1, 0, 0, 0, 1, 97]),
      text: Buffer.from("HTTP/1.1 500 Internal Server Error"),
    };
    for (const bytes of Object.values(noFrames)) {
      expect(() => demultiplex([bytes])).toThrow(DemultiplexError);
      expect(() => demultiplex([frame(1, "good"), bytes])).toThrow(DemultiplexError);
    }
  });

  it("never throw anything else, whatever comes", () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = randomNumbers(seed);
      const bytes = Buffer.from(
        Array.from({ length: random(60) }, () => random(random(2) ? 256 : 3)),
      );
      try {
        demultiplex(cut(bytes, random));
      } catch (error) {
        expect(error).toBeInstanceOf(DemultiplexError);
      }
    }
  });
});
