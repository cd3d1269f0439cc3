import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 256 * 1024;
/** A longer line is searched in pieces of this size. */
const MAX_SEARCHED_LINE_BYTES = 32 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** The lines of a file as text, without line breaks, in bounded memory. */
export async function* fileLines(file: FileHandle): AsyncGenerator<string, void> {
  let parts: Buffer[] = [];
  let partBytes = 0;
  const take = (): string => {
    const line = Buffer.concat(parts).toString("utf8");
    parts = [];
    partBytes = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  };
  const chunks = file.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES });
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      parts.push(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    partBytes += chunk.length - start;
    if (partBytes >= MAX_SEARCHED_LINE_BYTES) yield take();
  }
  if (partBytes > 0) yield take();
}
