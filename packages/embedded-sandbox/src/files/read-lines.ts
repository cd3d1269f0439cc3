import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import {
  DEFAULT_READ_LINES,
  MAX_LINE_BYTES,
  MAX_READ_LINES_BYTES,
  requireWholeNumber,
  throwIfAborted,
} from "@carrel/backend-protocol";
import type { LineRange, ReadLinesOptions } from "@carrel/backend-protocol";
import type { FileTree } from "./file-tree.ts";
import { openFile } from "./open-file.ts";
import { fill } from "./read.ts";

const BINARY_PROBE_BYTES = 8 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** A file up to this size is read to its end to count its lines. */
const MAX_COUNTED_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;

const NO_LINES = {
  lines: [],
  nextOffset: null,
  totalLines: null,
  hash: null,
  cutLines: [],
};

export async function readLines(
  tree: FileTree,
  path: string,
  { offset = 0, limit = DEFAULT_READ_LINES, signal }: ReadLinesOptions = {},
): Promise<LineRange | null> {
  requireWholeNumber("offset", offset, { minimum: 0 });
  requireWholeNumber("limit", limit, { minimum: 1 });
  throwIfAborted(signal);
  await using file = await openFile(tree, path);
  if (!file) return null;
  if (await isBinary(file)) return { ...NO_LINES, offset, binary: true };
  const collector = new LineCollector(offset, limit);
  await scan(file, collector, signal);
  return { ...collector.range(), binary: false };
}

/** A NUL in the first 8 KiB: what grep and others take for binary. */
export async function isBinary(file: FileHandle): Promise<boolean> {
  const probe = new Uint8Array(BINARY_PROBE_BYTES);
  return probe.subarray(0, await fill(file, probe, 0)).includes(0);
}

async function scan(
  file: FileHandle,
  collector: LineCollector,
  signal: AbortSignal | undefined,
): Promise<void> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let position = 0; ;) {
    throwIfAborted(signal);
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return collector.end();
    collector.add(chunk.subarray(0, bytesRead));
    position += bytesRead;
    if (collector.full && position >= MAX_COUNTED_BYTES) return;
  }
}

/** Takes the bytes of a file in order and keeps the lines that are asked for. */
class LineCollector {
  readonly #offset: number;
  readonly #limit: number;
  readonly #lines: string[] = [];
  readonly #cutLines: number[] = [];
  #parts: Buffer[] = [];
  #partBytes = 0;
  #keptBytes = 0;
  #lineBytes = 0;
  #line = 0;
  readonly #hash = createHash("sha256");
  #total: number | null = null;

  constructor(offset: number, limit: number) {
    this.#offset = offset;
    this.#limit = limit;
  }

  get full(): boolean {
    return this.#lines.length >= this.#limit || this.#keptBytes >= MAX_READ_LINES_BYTES;
  }

  add(chunk: Buffer): void {
    this.#hash.update(chunk);
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#extendLine(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#extendLine(chunk.subarray(start));
  }

  end(): void {
    if (this.#lineBytes > 0) this.#endLine();
    this.#total = this.#line;
  }

  range(): Omit<LineRange, "binary"> {
    const next = this.#offset + this.#lines.length;
    const atEnd = this.#total !== null && next >= this.#total;
    return {
      lines: this.#lines,
      offset: this.#offset,
      nextOffset: atEnd ? null : next,
      totalLines: this.#total,
      hash: this.#total === null ? null : this.#hash.digest("hex"),
      cutLines: this.#cutLines,
    };
  }

  get #wanted(): boolean {
    return this.#line >= this.#offset && !this.full;
  }

  #extendLine(part: Buffer): void {
    this.#lineBytes += part.length;
    if (!this.#wanted || part.length === 0) return;
    const kept = part.subarray(0, MAX_LINE_BYTES - this.#partBytes);
    // A copy: the chunk's memory is used again for the next one.
    if (kept.length > 0) this.#parts.push(Buffer.from(kept));
    this.#partBytes += kept.length;
  }

  #endLine(): void {
    if (this.#wanted) {
      if (this.#lineBytes > this.#partBytes) this.#cutLines.push(this.#lines.length);
      this.#lines.push(Buffer.concat(this.#parts).toString("utf8"));
      this.#keptBytes += this.#partBytes + 1;
    }
    this.#parts = [];
    this.#partBytes = 0;
    this.#lineBytes = 0;
    this.#line++;
  }
}
