import { lstat, opendir } from "node:fs/promises";
import {
  MAX_LIST_ENTRIES,
  SandboxError,
  pathFromBytes,
  checkListOptions,
  throwIfAborted,
} from "@carrel/backend-protocol";
import type {
  CheckedListOptions,
  FileInfo,
  ListOptions,
  MemoryMeter,
  OperationOptions,
} from "@carrel/backend-protocol";
import { fileInfo, virtualDirectoryInfo } from "./file-info.ts";
import { refusedLink, show } from "./file-tree.ts";
import type { Entry, FileTree } from "./file-tree.ts";
import { hostErrorCode, translateHostError } from "./host-error.ts";

/** What an entry takes in memory beyond its name: two objects and their numbers and times; measured. */
const ENTRY_COST_BYTES = 400;
/** Its name is kept as bytes and as text, in which a character may take two bytes. */
const COST_PER_NAME_BYTE = 5;

export interface CountedOptions extends ListOptions {
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
  options: CountedOptions,
): Promise<FileInfo[]> {
  const page = checkListOptions(options);
  throwIfAborted(options.signal);
  const resolved = tree.resolve(path);
  const virtual = tree.virtualNames(resolved);
  if (virtual) {
    const names = pageOf(virtual, page);
    return Promise.all(names.map((name) => child(tree, resolved, name)));
  }
  const directory = await tree.get(path);
  requireDirectory(directory);
  const { limit, after } = page;
  if (limit !== null) return fullPage(directory, { ...options, limit, after });
  return infosOf(directory, await directoryNames(directory, { ...options, after }), options);
}

/** Reads on as long as entries of the page vanish, so that only the last page is short. */
async function fullPage(
  directory: Entry,
  wanted: NamesWanted & { memory: MemoryMeter },
): Promise<FileInfo[]> {
  const entries: FileInfo[] = [];
  let { after } = wanted;
  while (entries.length < wanted.limit) {
    const limit = wanted.limit - entries.length;
    const names = await smallestNames(directory, { ...wanted, after, limit });
    for (const info of await infosOf(directory, names, wanted)) entries.push(info);
    if (names.length < limit) break;
    after = names.at(-1)!;
  }
  return entries;
}

async function infosOf(
  directory: Entry,
  names: readonly Buffer[],
  { signal, memory }: { signal?: AbortSignal | undefined; memory: MemoryMeter },
): Promise<FileInfo[]> {
  const entries: FileInfo[] = [];
  for (const name of names) {
    throwIfAborted(signal);
    memory.change(ENTRY_COST_BYTES + COST_PER_NAME_BYTE * name.length + directory.path.length);
    if (memory.failure) throw memory.failure;
    const info = await entryInfo(directory, name);
    if (info) entries.push(info);
  }
  return entries;
}

/** The names of mounts, which are few. */
function pageOf(names: readonly string[], { limit, after }: CheckedListOptions): string[] {
  const wanted = names.filter(
    (name) => after === null || Buffer.compare(Buffer.from(name), after) > 0,
  );
  return wanted.toSorted().slice(0, limit ?? wanted.length);
}

async function child(tree: FileTree, parent: string, name: string): Promise<FileInfo> {
  const path = parent === "/" ? `/${name}` : `${parent}/${name}`;
  return (await stat(tree, path)) ?? virtualDirectoryInfo(path);
}

export interface NamesOptions {
  signal?: AbortSignal | undefined;
  /** Only names that come after this one. @default all */
  after?: Uint8Array | null | undefined;
}

/** The names in a directory as bytes, in their order. */
export async function directoryNames(
  directory: Pick<Entry, "path" | "hostPath">,
  { after, signal }: NamesOptions = {},
): Promise<Buffer[]> {
  const names: Buffer[] = [];
  for await (const name of namesIn(directory, { after, signal })) {
    if (names.push(name) > MAX_LIST_ENTRIES) throw tooManyEntries(directory.path);
  }
  return names.sort((left, right) => Buffer.compare(left, right));
}

interface NamesWanted extends NamesOptions {
  limit: number;
}

/** How many names more than wanted are gathered at least before the largest ones are dropped. */
const GATHERED_NAMES = 1024;

/** The first names after one, of a directory of any size: never many more than wanted are kept. */
async function smallestNames(
  directory: Pick<Entry, "path" | "hostPath">,
  { limit, ...options }: NamesWanted,
): Promise<Buffer[]> {
  let names: Buffer[] = [];
  const keepSmallest = (): void => {
    names = names.sort((left, right) => Buffer.compare(left, right)).slice(0, limit);
  };
  let largest: Buffer | undefined;
  for await (const name of namesIn(directory, options)) {
    if (largest && Buffer.compare(name, largest) > 0) continue;
    if (names.push(name) < limit + Math.max(limit, GATHERED_NAMES)) continue;
    keepSmallest();
    largest = names.at(-1);
  }
  keepSmallest();
  return names;
}

async function* namesIn(
  directory: Pick<Entry, "path" | "hostPath">,
  { after, signal }: NamesOptions,
): AsyncGenerator<Buffer> {
  try {
    // The types know only `encoding: BufferEncoding`; the function itself also takes "buffer".
    const options = { encoding: "buffer" as BufferEncoding };
    for await (const { name } of await opendir(directory.hostPath, options)) {
      throwIfAborted(signal);
      const bytes = Buffer.from(name);
      if (!after || Buffer.compare(bytes, after) > 0) yield bytes;
    }
  } catch (error) {
    throw translateHostError(error, directory.path);
  }
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
    message: `${show(path)} has more than ${MAX_LIST_ENTRIES} entries; list it in pages (limit, after), or find what you need with glob.`,
  });
}
