import { expect, it } from "vitest";
import { collectProcess } from "./collect-process.ts";
import { MemoryBudget } from "./memory-budget.ts";
import type { OutputChunk, ProcessHandle, ProcessResult } from "./process.ts";
import { Utf8Text, cutBytes } from "./utf8-text.ts";

const MEBIBYTE = 1024 * 1024;
const BYTES = MEBIBYTE / 4;
/** Pieces of characters and of none: their mixtures have every way to be cut and to be wrong. */
const PARTS = [
  [0x61],
  [0xc3, 0xa9],
  [0xe2, 0x82, 0xac],
  [0xf0, 0x9f, 0x98, 0x80],
  [0xf0, 0x9f],
  [0xe2],
  [0x82],
  [0xed, 0xa0],
  [0xe0, 0x80],
  [0xf4, 0x90],
  [0xc0],
  [0xff],
  [0xef, 0xbb, 0xbf],
];

/** The same numbers each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    yield Math.floor(state / 65_536);
  }
}

function randomChunks(seed: number): OutputChunk[] {
  const random = numbers(seed);
  const below = (bound: number): number => random.next().value % bound;
  return Array.from({ length: 40 }, (_, index) => {
    const bytes = Array.from({ length: 1 + below(3) }, () => PARTS[below(PARTS.length)]!).flat();
    const data = Uint8Array.from(bytes.slice(below(2)));
    const stream = below(3) === 0 ? "stderr" : "stdout";
    return { sequence: index + 1, stream, data: data.length > 0 ? data : Uint8Array.of(0x62) };
  });
}

function processOf(output: Iterable<OutputChunk>, onKill = (): void => undefined): ProcessHandle {
  const result: ProcessResult = {
    outcome: "exited",
    exitCode: 0,
    signal: null,
    truncated: false,
    durationMs: 5,
  };
  return {
    id: "1",
    output: (async function* () {
      yield* output;
    })(),
    result: Promise.resolve(result),
    write: () => Promise.resolve(),
    closeStdin: () => Promise.resolve(),
    kill: () => Promise.resolve(onKill()),
  };
}

it("UTF-8 text: is the same as if all was decoded at once, whatever the bytes and their pieces", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chunks = randomChunks(seed);
    const decoders = {
      stdout: new TextDecoder("utf-8", { ignoreBOM: true }),
      stderr: new TextDecoder("utf-8", { ignoreBOM: true }),
    };
    const expected =
      chunks.map(({ stream, data }) => decoders[stream].decode(data, { stream: true })).join("") +
      decoders.stdout.decode() +
      decoders.stderr.decode();
    const collected = await collectProcess(processOf(chunks));
    expect(collected.output).toBe(expected);
    for (const stream of ["stdout", "stderr"] as const) {
      const bytes = chunks.filter((chunk) => chunk.stream === stream).map(({ data }) => data);
      expect(collected[stream]).toBe(Buffer.concat(bytes).toString("utf8"));
    }
  }
});

it("UTF-8 text: knows the beginnings of characters", () => {
  expect(cutBytes(Buffer.from("a"))).toBe(0);
  expect(cutBytes(Uint8Array.of(0x61, 0xf0, 0x9f, 0x98))).toBe(3);
  expect(cutBytes(Buffer.from("😀"))).toBe(0);
  expect(cutBytes(Uint8Array.of(0xed, 0xa0))).toBe(0);
  expect(cutBytes(new Uint8Array())).toBe(0);
});

it("UTF-8 text: keeps characters whole where its pieces end", () => {
  const text = "€".repeat(100_000);
  const whole = new Utf8Text();
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += 1000) {
    whole.append(bytes.subarray(start, start + 1000));
  }
  expect(whole.end()).toBe(text);
});

it.each([["one stream"], ["both streams by turns"]])(
  "collectProcess: takes little more memory than its output has bytes, in single bytes of %s",
  async (kind) => {
    const budget = new MemoryBudget({ name: "The test", limitBytes: 8 * MEBIBYTE });
    let usedBytes = 0;
    const process = processOf(
      (function* () {
        for (let sequence = 1; sequence <= BYTES; sequence++) {
          usedBytes = Math.max(usedBytes, budget.usedBytes);
          const stream = kind === "one stream" || sequence % 2 === 0 ? "stdout" : "stderr";
          yield { sequence, stream, data: Uint8Array.of(0x61) } as const;
        }
      })(),
    );
    const { output } = await collectProcess(process, { memory: budget });
    expect(output).toBe("a".repeat(BYTES));
    expect(usedBytes).toBeGreaterThan(BYTES / 2);
    expect(usedBytes).toBeLessThan(3 * BYTES);
    expect(budget.usedBytes).toBe(0);
  },
);

it("collectProcess: kills the process whose output is more than its budget, and says so", async () => {
  const budget = new MemoryBudget({ name: "The test", limitBytes: MEBIBYTE });
  let kills = 0;
  const process = processOf(
    (function* () {
      for (let sequence = 1; ; sequence++) {
        yield { sequence, stream: "stdout", data: Buffer.alloc(10_000, "a") } as const;
      }
    })(),
    () => kills++,
  );
  await expect(collectProcess(process, { memory: budget })).rejects.toMatchObject({
    code: "capacity",
  });
  expect(kills).toBe(1);
  expect(budget.usedBytes).toBe(0);
});
