import type { ExecuteResult, OutputChunk, ProcessHandle } from "./process.ts";

/**
 * Wait for a process and gather what it wrote: how `execute` stands on `spawn`. The bound on
 * memory is the process's own `maxOutputBytes`.
 */
export async function collectProcess(process: ProcessHandle): Promise<ExecuteResult> {
  const chunks: OutputChunk[] = [];
  for await (const chunk of process.output) chunks.push(chunk);
  return {
    ...(await process.result),
    stdout: decode(chunks.filter(({ stream }) => stream === "stdout")),
    stderr: decode(chunks.filter(({ stream }) => stream === "stderr")),
    output: decodeInOrder(chunks),
  };
}

function decode(chunks: readonly OutputChunk[]): string {
  return Buffer.concat(chunks.map(({ data }) => data)).toString("utf8");
}

// Each stream has its own decoder, so that a character that one stream wrote in two chunks stays
// whole though the other stream wrote between them.
function decodeInOrder(chunks: readonly OutputChunk[]): string {
  const options = { ignoreBOM: true }; // which keeps it
  const decoders = {
    stdout: new TextDecoder("utf-8", options),
    stderr: new TextDecoder("utf-8", options),
  };
  const texts = chunks.map(({ stream, data }) => decoders[stream].decode(data, { stream: true }));
  return texts.join("") + decoders.stdout.decode() + decoders.stderr.decode();
}
