import { MemoryBudget } from "@carrel/backend-protocol";
import type { OutputChunk } from "@carrel/backend-protocol";
import { expect, it } from "vitest";
import { OutputLog } from "./output-log.ts";

const MEBIBYTE = 1024 * 1024;

function budget(limitBytes = 64 * MEBIBYTE): MemoryBudget {
  return new MemoryBudget({ name: "The test", limitBytes });
}

async function readAll(log: OutputLog, after = 0): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = [];
  for await (const chunk of log.read(after)) chunks.push(chunk);
  return chunks;
}

it("output log: gives every reader the same chunks, from where it goes on", async () => {
  const log = new OutputLog(budget());
  const early = readAll(log);
  for (let sequence = 1; sequence <= 5000; sequence++) {
    const stream = sequence % 3 === 0 ? "stderr" : "stdout";
    log.append(stream, Buffer.from("x".repeat(sequence % 50 || 4000)));
    if (sequence % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  log.close();
  const chunks = await readAll(log);
  expect(chunks).toHaveLength(5000);
  expect(await early).toEqual(chunks);
  expect(chunks[2]).toEqual({
    sequence: 3,
    stream: "stderr",
    data: Uint8Array.from([120, 120, 120]),
  });
  for (const after of [1, 999, 4999])
    expect(await readAll(log, after)).toEqual(chunks.slice(after));
  expect(await readAll(log, 5000)).toEqual([]);
});

it("output log: takes ten times its bytes, however small its chunks are", () => {
  const memory = budget();
  const log = new OutputLog(memory);
  for (let bytes = 0; bytes < MEBIBYTE; bytes++) log.append("stdout", Uint8Array.of(0x78));
  expect(log.costBytes).toBeLessThan(11 * MEBIBYTE);
  expect(memory.usedBytes).toBeGreaterThan(10 * MEBIBYTE);
  log.clear();
  expect(memory.usedBytes).toBe(0);
});

it("output log: takes little for a command that writes little", () => {
  const log = new OutputLog(budget());
  log.append("stdout", Buffer.from("hello\n"));
  expect(log.costBytes).toBeLessThan(500);
});

it("output log: is forgotten if its budget ends it, and its readers are told so", async () => {
  const memory = budget(MEBIBYTE);
  const log = new OutputLog(memory);
  const reading = readAll(log);
  const refused = expect(reading).rejects.toMatchObject({ code: "capacity" });
  for (let sequence = 1; sequence <= 100; sequence++) log.append("stdout", Buffer.alloc(50_000));
  await refused;
  log.close();
  await expect(readAll(log)).rejects.toMatchObject({ code: "capacity" });
  expect(log.failure).toMatchObject({ code: "capacity" });
  expect(memory.usedBytes).toBe(0);
});
