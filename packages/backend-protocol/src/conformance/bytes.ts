import { createHash, randomBytes } from "node:crypto";
import { expect } from "vitest";

export const MEBIBYTE: number = 1024 * 1024;

/** Every byte value, twice over in both orders, so that a swapped or dropped one shows. */
export const ALL_BYTES: Uint8Array = Uint8Array.from({ length: 512 }, (_, index) =>
  index < 256 ? index : 511 - index,
);

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Bytes that do not repeat, so that lost or reordered chunks show. */
export function noise(length: number): Uint8Array {
  return randomBytes(length);
}

/** Compares without printing megabytes where they differ. */
export function expectBytes(actual: Uint8Array | null, expected: Uint8Array): void {
  expect(actual).toBeInstanceOf(Uint8Array);
  const bytes = actual ?? new Uint8Array();
  expect(bytes.length).toBe(expected.length);
  const first = bytes.findIndex((byte, index) => byte !== expected[index]);
  expect(first, "index of the first byte that differs").toBe(-1);
}

export async function collectStream(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function streamOf(...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks);
}

/** Gives one chunk and then neither more nor an end. */
export function stalledStream(chunk: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(chunk),
    pull: () => new Promise(() => undefined),
  });
}

/** Gives one chunk and then fails. */
export function failingStream(chunk: Uint8Array): ReadableStream<Uint8Array> {
  let given = false;
  return new ReadableStream({
    pull(controller) {
      if (given) controller.error(new Error("the source failed"));
      else controller.enqueue(chunk);
      given = true;
    },
  });
}
