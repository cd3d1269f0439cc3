import { describe, expect, it } from "vitest";
import { collectProcess } from "./collect-process.ts";
import type { OutputChunk, ProcessHandle, ProcessResult } from "./process.ts";

const EXITED: ProcessResult = {
  outcome: "exited",
  exitCode: 0,
  signal: null,
  truncated: false,
  durationMs: 5,
};

type Piece = [stream: OutputChunk["stream"], data: string | number[]];

function processThatWrites(pieces: readonly Piece[], result = EXITED): ProcessHandle {
  async function* output(): AsyncGenerator<OutputChunk, void> {
    for (const [index, [stream, data]] of pieces.entries()) {
      const bytes = typeof data === "string" ? Buffer.from(data) : Uint8Array.from(data);
      yield { sequence: index + 1, stream, data: bytes };
    }
  }
  return {
    id: "1",
    output: output(),
    result: Promise.resolve(result),
    write: () => Promise.resolve(),
    closeStdin: () => Promise.resolve(),
    kill: () => Promise.resolve(),
  };
}

describe("collectProcess", () => {
  it("gives the result with the output", async () => {
    const result: ProcessResult = {
      outcome: "signaled",
      exitCode: null,
      signal: "SIGSEGV",
      truncated: true,
      durationMs: 12,
    };
    expect(await collectProcess(processThatWrites([["stdout", "out"]], result))).toEqual({
      ...result,
      stdout: "out",
      stderr: "",
      output: "out",
    });
  });

  it("gives empty texts where nothing was written", async () => {
    expect(await collectProcess(processThatWrites([]))).toMatchObject({
      stdout: "",
      stderr: "",
      output: "",
    });
  });

  it("keeps the streams apart, and in the order of their chunks", async () => {
    const process = processThatWrites([
      ["stderr", "a"],
      ["stdout", "b"],
      ["stderr", "c"],
      ["stdout", "d"],
    ]);
    expect(await collectProcess(process)).toMatchObject({
      stdout: "bd",
      stderr: "ac",
      output: "abcd",
    });
  });

  it("joins a character that was cut at any byte", async () => {
    const bytes = [...Buffer.from("<😀é>")];
    for (let cut = 1; cut < bytes.length; cut++) {
      const process = processThatWrites([
        ["stdout", bytes.slice(0, cut)],
        ["stdout", bytes.slice(cut)],
      ]);
      expect(await collectProcess(process)).toMatchObject({ stdout: "<😀é>", output: "<😀é>" });
    }
  });

  it("joins a character byte by byte while the other stream writes between", async () => {
    const process = processThatWrites([
      ["stdout", [0xf0]],
      ["stderr", [0xc3]],
      ["stdout", [0x9f]],
      ["stdout", [0x98]],
      ["stderr", [0xa9]],
      ["stdout", [0x80]],
    ]);
    expect(await collectProcess(process)).toMatchObject({
      stdout: "😀",
      stderr: "é",
      output: "é😀",
    });
  });

  it("shows a character that never came whole as U+FFFD", async () => {
    const process = processThatWrites([
      ["stdout", [0x61, 0xe6, 0x97]],
      ["stderr", [0xff, 0x62]],
    ]);
    expect(await collectProcess(process)).toMatchObject({
      stdout: "a\ufffd",
      stderr: "\ufffdb",
      output: "a\ufffdb\ufffd",
    });
  });

  it("keeps byte order marks and NULs", async () => {
    const process = processThatWrites([
      ["stdout", "\ufeffa\0"],
      ["stdout", "\ufeffb"],
      ["stderr", "\ufeffc"],
    ]);
    expect(await collectProcess(process)).toMatchObject({
      stdout: "\ufeffa\0\ufeffb",
      stderr: "\ufeffc",
      output: "\ufeffa\0\ufeffb\ufeffc",
    });
  });

  it("fails where the output cannot be read to its end", async () => {
    const process: ProcessHandle = {
      ...processThatWrites([]),
      output: new ReadableStream<OutputChunk>({
        pull: (controller) => controller.error(new Error("channel broke")),
      }),
    };
    await expect(collectProcess(process)).rejects.toThrow("channel broke");
  });
});
