import { createHash } from "node:crypto";
import type { LineRange, Sandbox } from "@carrel/backend-protocol";

// Without a state between calls; a byte order mark stays, as it does in `readLines`.
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Up to this size a file is read whole, so that its hash is known. */
const MAX_HASHED_BYTES = 512 * 1024;

// The protocol's own mark of a binary file.
const BINARY_PROBE_BYTES = 8 * 1024;

export interface ReadRangeOptions {
  /** First line, from 0. */
  offset: number;
  limit: number;
  signal: AbortSignal;
}

export interface HashedRange {
  range: LineRange;
  /** Of the whole file; `null` of one that is too large to be read whole. */
  hash: string | null;
}

/**
 * Lines of a file, and the hash by which `write` and `edit` recognise it. `null`: there is none.
 * `Backend.readLines` tells no hash, so the lines of all but large files are taken from the bytes.
 */
export async function readRange(
  sandbox: Sandbox,
  path: string,
  { offset, limit, signal }: ReadRangeOptions,
): Promise<HashedRange | null> {
  const bytes = await sandbox.read(path, { limit: MAX_HASHED_BYTES + 1, signal });
  if (bytes === null) return null;
  if (bytes.length > MAX_HASHED_BYTES) {
    const range = await sandbox.readLines(path, { offset, limit, signal });
    return range && { range, hash: null };
  }
  const hash = createHash("sha256").update(bytes).digest("hex");
  return { range: rangeOf(bytes, offset, limit), hash };
}

function rangeOf(bytes: Uint8Array, offset: number, limit: number): LineRange {
  const binary = bytes.subarray(0, BINARY_PROBE_BYTES).includes(0);
  const all = binary ? [] : splitLines(DECODER.decode(bytes));
  const lines = all.slice(offset, offset + limit);
  const end = offset + lines.length;
  return {
    lines,
    offset,
    nextOffset: end < all.length ? end : null,
    totalLines: binary ? null : all.length,
    cutLines: [],
    binary,
  };
}

/** A final line break does not make an empty line after it; the empty text has no line. */
export function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
