import {
  MAX_READ_BYTES,
  SandboxError,
  positionsOf,
  throwIfAborted,
} from "@carrel/backend-protocol";
import type { EditOptions, EditResult } from "@carrel/backend-protocol";
import { notFound, show } from "./file-tree.ts";
import type { FileTree } from "./file-tree.ts";
import { read } from "./read.ts";
import type { Serialiser } from "./serialise.ts";
import { Draft, modeOf, requireHash, requireReplaceable } from "./write.ts";

interface Replacement {
  oldText: string;
  newText: string;
}

export async function edit(
  tree: FileTree,
  commits: Serialiser,
  path: string,
  { oldText, newText, replaceAll = false, ifHash, signal }: EditOptions & Replacement,
): Promise<EditResult> {
  if (oldText === "") {
    throw new SandboxError({
      code: "invalid-argument",
      message: "oldText must not be empty; to write a whole file use write.",
    });
  }
  return commits.run(async () => {
    throwIfAborted(signal);
    const { place, entry } = await tree.target(path);
    requireReplaceable(place, entry);
    const before = await read(tree, path);
    if (!before) throw notFound(place.path);
    if (ifHash !== undefined) await requireHash(tree, place, { expected: ifHash, signal });
    const found = [...positionsOf(before, Buffer.from(oldText))];
    requireMatch(found.length, place.path, replaceAll);
    const after = replace(before, found, { oldText, newText });
    requireSize(after.length, place.path);
    await using draft = await Draft.create(tree, place);
    const { sizeBytes, hash } = await draft.fill(after, signal);
    await draft.commit(modeOf(entry));
    const firstLine = lineAt(before, found[0]!);
    return { path: place.path, replacements: found.length, sizeBytes, hash, firstLine };
  });
}

// Byte for byte, so that what is around the text stays as it is, UTF-8 or not.
function replace(
  bytes: Uint8Array,
  found: readonly number[],
  { oldText, newText }: Replacement,
): Buffer {
  const oldLength = Buffer.byteLength(oldText);
  const inserted = Buffer.from(newText);
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const start of found) {
    parts.push(bytes.subarray(end, start), inserted);
    end = start + oldLength;
  }
  return Buffer.concat([...parts, bytes.subarray(end)]);
}

function requireMatch(count: number, path: string, replaceAll: boolean): void {
  if (count === 0) {
    throw new SandboxError({
      code: "no-match",
      message: `The text to replace does not occur in ${show(path)}; read the file again.`,
    });
  }
  if (count > 1 && !replaceAll) {
    throw new SandboxError({
      code: "ambiguous-match",
      message: `The text to replace occurs ${count} times in ${show(path)}; give more of the text around it, or replace all.`,
    });
  }
}

function requireSize(length: number, path: string): void {
  if (length <= MAX_READ_BYTES) return;
  throw new SandboxError({
    code: "too-large",
    message: `${show(path)} would become ${length} bytes; edit works up to ${MAX_READ_BYTES}.`,
  });
}

function lineAt(bytes: Uint8Array, position: number): number {
  let line = 1;
  for (const byte of bytes.subarray(0, position)) if (byte === 0x0a) line++;
  return line;
}
