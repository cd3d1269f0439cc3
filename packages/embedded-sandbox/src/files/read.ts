import type { FileHandle } from "node:fs/promises";
import {
  MAX_READ_BYTES,
  SandboxError,
  requireWholeNumber,
  throwIfAborted,
} from "@carrel/backend-protocol";
import type { OperationOptions, ReadOptions } from "@carrel/backend-protocol";
import { notFound, show } from "./file-tree.ts";
import type { FileTree } from "./file-tree.ts";
import { openFile } from "./open-file.ts";

const CHUNK_BYTES = 64 * 1024;

export async function read(
  tree: FileTree,
  path: string,
  { offset = 0, limit, signal }: ReadOptions = {},
): Promise<Uint8Array | null> {
  requireWholeNumber("offset", offset, { minimum: 0 });
  if (limit !== undefined) requireWholeNumber("limit", limit, { minimum: 0 });
  throwIfAborted(signal);
  await using file = await openFile(tree, path);
  if (!file) return null;
  const rest = Math.max(0, (await file.stat()).size - offset);
  const length = Math.min(rest, limit ?? rest);
  if (length > MAX_READ_BYTES) {
    throw new SandboxError({
      code: "too-large",
      message: `${show(tree.resolve(path))} is ${length} bytes, and at most ${MAX_READ_BYTES} are read at once; give a limit, or stream it.`,
    });
  }
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await fill(file, bytes, offset));
}

/** Read until the buffer is full or the file ends; returns how much. */
export async function fill(file: FileHandle, bytes: Uint8Array, offset: number): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

export async function readStream(
  tree: FileTree,
  path: string,
  { signal }: OperationOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  throwIfAborted(signal);
  const file = await openFile(tree, path);
  if (!file) throw notFound(tree.resolve(path));
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller): Promise<void> {
        try {
          throwIfAborted(signal);
          const chunk = new Uint8Array(CHUNK_BYTES);
          const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES);
          if (bytesRead > 0) return controller.enqueue(chunk.subarray(0, bytesRead));
          await file.close();
          controller.close();
        } catch (error) {
          await file.close();
          throw error;
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  );
}
