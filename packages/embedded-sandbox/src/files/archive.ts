import { lstat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { pathFromBytes, throwIfAborted } from "@carrel/backend-protocol";
import type { OperationOptions } from "@carrel/backend-protocol";
import { pack } from "tar-stream";
import type { Pack } from "tar-stream";
import type { Entry, FileTree } from "./file-tree.ts";
import { hostErrorCode, translateHostError } from "./host-error.ts";
import { directoryNames } from "./list.ts";
import { openFile } from "./open-file.ts";

type EntryHeader = Parameters<Pack["entry"]>[0];
type ArchiveEntry = Pick<Entry, "path" | "hostPath" | "stats">;

/** What a walk needs to go on: the tree, the tar that is written, and how names in it begin. */
interface Walk {
  tree: FileTree;
  tar: Pack;
  parentLength: number;
  signal: AbortSignal | undefined;
}

export async function archive(
  tree: FileTree,
  path: string,
  { signal }: OperationOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  throwIfAborted(signal);
  const entry = await tree.get(path);
  const tar = pack();
  const parentLength = entry.path.lastIndexOf("/") + 1;
  add({ tree, tar, parentLength, signal }, entry)
    .then(() => tar.finalize())
    .catch((error: unknown) => tar.destroy(asError(error)));
  return ReadableStream.from(tar as AsyncIterable<Uint8Array>);
}

async function add(walk: Walk, entry: ArchiveEntry): Promise<void> {
  throwIfAborted(walk.signal);
  if (entry.stats.isFile()) return addFile(walk, entry);
  if (!entry.stats.isDirectory()) return;
  const header = { name: `${nameIn(walk, entry)}/`, type: "directory" as const };
  await addHeader(walk.tar, {
    ...header,
    mode: entry.stats.mode & 0o7777,
    mtime: entry.stats.mtime,
  });
  for (const name of await directoryNames(entry, { signal: walk.signal })) {
    const hostPath = Buffer.concat([entry.hostPath, Buffer.from("/"), name]);
    const path = `${entry.path}/${pathFromBytes(name)}`;
    try {
      await add(walk, { path, hostPath, stats: await lstat(hostPath) });
    } catch (error) {
      if (hostErrorCode(error) !== "ENOENT") throw translateHostError(error, path);
      // Removed since its directory was listed.
    }
  }
}

async function addFile(walk: Walk, entry: ArchiveEntry): Promise<void> {
  await using file = await openFile(walk.tree, entry.path);
  if (!file) return;
  const { size, mode, mtime } = await file.stat();
  const header = { name: nameIn(walk, entry), size, mode: mode & 0o7777, mtime };
  if (size === 0) return addEmptyFile(walk.tar, header);
  // The header promises a size: what is appended meanwhile is left out.
  const content = file.createReadStream({ end: size - 1, autoClose: false });
  await pipeline(content, walk.tar.entry(header));
}

function nameIn(walk: Walk, entry: ArchiveEntry): string {
  return entry.path.slice(walk.parentLength);
}

function addEmptyFile(tar: Pack, header: EntryHeader): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry(header, "", (error) => (error ? reject(error) : resolve()));
  });
}

function addHeader(tar: Pack, header: EntryHeader): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
