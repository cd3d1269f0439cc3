import { expect, vi } from "vitest";
import type { OutputChunk, ProcessHandle } from "../process.ts";
import type { TestBench } from "./test-bench.ts";

/** Appends to the file `beat` for as long as it lives. */
export const BEAT = "while :; do echo x >> beat; sleep 0.05; done";

async function beats({ sandbox, path }: TestBench): Promise<number> {
  return (await sandbox.stat(path("beat")))?.sizeBytes ?? 0;
}

export async function beatStarted(bench: TestBench): Promise<void> {
  await vi.waitFor(async () => expect(await beats(bench)).toBeGreaterThan(0), {
    timeout: 20_000,
    interval: 20,
  });
}

/** It had begun, and has ended: that nothing happens any more can only be seen by waiting. */
export async function expectBeatStopped(bench: TestBench): Promise<void> {
  const before = await beats(bench);
  expect(before).toBeGreaterThan(0);
  await bench.run("sleep 0.4");
  expect(await beats(bench)).toBe(before);
}

export async function outputOf(process: ProcessHandle): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = [];
  for await (const chunk of process.output) chunks.push(chunk);
  return chunks;
}

export function bytesOf(
  chunks: readonly OutputChunk[],
  stream?: OutputChunk["stream"],
): Uint8Array {
  const wanted = chunks.filter((chunk) => stream === undefined || chunk.stream === stream);
  return Buffer.concat(wanted.map(({ data }) => data));
}

/** Reads a process's output as text until it contains what is waited for. */
export async function readUntil(
  output: AsyncIterator<OutputChunk>,
  awaited: string,
): Promise<string> {
  let text = "";
  while (!text.includes(awaited)) {
    const { value, done } = await output.next();
    if (done) return expect.unreachable(`ended after ${JSON.stringify(text)}`);
    text += Buffer.from(value.data).toString("utf8");
  }
  return text;
}

export function expectGapless(chunks: readonly OutputChunk[], first = 1): void {
  expect(chunks.map(({ sequence }) => sequence)).toEqual(chunks.map((_, index) => first + index));
}
