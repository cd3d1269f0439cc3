import { lstat, opendir } from "node:fs/promises";
import {
  MAX_LIST_ENTRIES,
  SandboxError,
  pathFromBytes,
  throwIfAborted,
} from "@carrel/backend-protocol";
import type { FileInfo, MemoryMeter, OperationOptions } from "@carrel/backend-protocol";
import { fileInfo, virtualDirectoryInfo } from "./file-info.ts";
import { refusedLink, show } from "./file-tree.ts";
import type { Entry, FileTree } from "./file-tree.ts";
import { hostErrorCode, translateHostError } from "./host-error.ts";

/** What an entry takes in memory beyond its name: two objects and their numbers and times; measured. */
const ENTRY_COST_BYTES = 400;
/** Its name is kept as bytes and as text, in which a character may take two bytes. */
const COST_PER_NAME_BYTE = 5;

export interface CountedOptions extends OperationOptions {
  /** Counts the entries. */
  memory: MemoryMeter;
}

export async function stat(
  tree: FileTree,
  path: string,
  { signal }: OperationOptions = {},
): Promise<FileInfo | null> {
  throwIfAborted(signal);
  const resolved = tree.resolve(path);
  const entry = await tree.find(path);
  if (entry) return fileInfo(entry.path, entry.stats);
  return tree.virtualNames(resolved) && virtualDirectoryInfo(resolved);
}

export async function ls(
  tree: FileTree,
  path: string,
  { signal, memory }: CountedOptions,
): Promise<FileInfo[]> {
  throwIfAborted(signal);
  const resolved = tree.resolve(path);
  const virtual = tree.virtualNames(resolved);
  if (virtual) return Promise.all(virtual.sort().map((name) => child(tree, resolved, name)));
  const directory = await tree.get(path);
  requireDirectory(directory);
  const names = await directoryNames(directory, signal);
  const entries: FileInfo[] = [];
  for (const name of names) {
    throwIfAborted(signal);
    memory.change(ENTRY_COST_BYTES + COST_PER_NAME_BYTE * name.length + path.length);
    if (memory.failure) throw memory.failure;
    const info = await entryInfo(directory, name);
    if (info) entries.push(info);
  }
  return entries;
}

async function child(tree: FileTree, parent: string, name: string): Promise<FileInfo> {
  const path = parent === "/" ? `/${name}` : `${parent}/${name}`;
  return (await stat(tree, path)) ?? virtualDirectoryInfo(path);
}

/** The names in a directory as bytes, in their order. */
export async function directoryNames(
  directory: Pick<Entry, "path" | "hostPath">,
  signal?: AbortSignal,
): Promise<Buffer[]> {
  const names: Buffer[] = [];
  try {
    // The types know only `encoding: BufferEncoding`; the function itself also takes "buffer".
    const options = { encoding: "buffer" as BufferEncoding };
    for await (const { name } of await opendir(directory.hostPath, options)) {
      throwIfAborted(signal);
      if (names.push(Buffer.from(name)) > MAX_LIST_ENTRIES) throw tooManyEntries(directory.path);
    }
  } catch (error) {
    throw translateHostError(error, directory.path);
  }
  return names.sort((left, right) => Buffer.compare(left, right));
}

/** `null`: removed meanwhile. */
async function entryInfo(directory: Entry, name: Buffer): Promise<FileInfo | null> {
  const path = `${directory.path}/${pathFromBytes(name)}`;
  try {
    const stats = await lstat(Buffer.concat([directory.hostPath, Buffer.from("/"), name]));
    return fileInfo(path, stats);
  } catch (error) {
    if (hostErrorCode(error) === "ENOENT") return null;
    throw translateHostError(error, path);
  }
}

export function requireDirectory(entry: Entry): void {
  if (entry.stats.isSymbolicLink()) throw refusedLink(entry.path);
  if (!entry.stats.isDirectory()) {
    throw new SandboxError({
      code: "not-directory",
      message: `${show(entry.path)} is not a directory.`,
    });
  }
}

function tooManyEntries(path: string): SandboxError {
  return new SandboxError({
    code: "too-large",
    message: `${show(path)} has more than ${MAX_LIST_ENTRIES} entries; find what you need with glob.`,
  });
}
