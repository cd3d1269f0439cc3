import { execFile } from "node:child_process";
import { lchownSync, lstatSync, opendirSync, readdirSync } from "node:fs";
import type { Dir, Dirent } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { SandboxError } from "@carrel/backend-protocol";
import { hasErrno } from "./own-directory.ts";

/** How many entries are given away in this process, which takes milliseconds; a program does it for more. */
export const MAX_QUICK_ENTRIES = 2000;
/** Well below the kernel's own bound for one path, 4,096 bytes. */
const MAX_PATH_BYTES = 3500;
/** Others wait no longer than for so many. */
const ENTRIES_AT_ONCE = 200;
/** Directories of that size have some thousands of entries at most, which are read in one call. */
const SMALL_BYTES = 128 * 1024;
const GIVE_TIMEOUT_MS = 10 * 60_000;

const run = promisify(execFile);

/**
 * Gives a directory and all below it to a uid and its group, the directory itself last. It follows no
 * link. Nothing of a user's may run on the files meanwhile, unless it runs as that uid.
 * @throws `unavailable`, `aborted`
 */
export async function giveTree(path: string, uid: number, signal?: AbortSignal): Promise<void> {
  await giveBelow(path, uid, signal);
  lchownIfThere(path, uid);
}

/** Does what {@link giveTree} does, but keeps the owner of the directory itself. Does nothing if it is not there. */
export async function giveBelow(path: string, uid: number, signal?: AbortSignal): Promise<void> {
  const entries = await entriesBelow(path, MAX_QUICK_ENTRIES);
  if (entries !== null) {
    // Synchronous calls, a slice at a time: each takes microseconds, an asynchronous one a turn in the pool of threads.
    for (const [index, entry] of entries.entries()) {
      if (index % ENTRIES_AT_ONCE === ENTRIES_AT_ONCE - 1) await nextTurn();
      lchownIfThere(entry, uid);
    }
    return;
  }
  const owner = lstatSync(path).uid;
  try {
    // By descriptors: no depth is too deep for it, and it does not leave the tree if that is moved.
    const options = { timeout: GIVE_TIMEOUT_MS, ...(signal && { signal }) };
    await run("chown", ["-h", "-R", "-P", "--", `${uid}:${uid}`, path], options);
  } catch (cause) {
    signal?.throwIfAborted();
    if (hasErrno(cause, "ENOENT")) throw cause;
    throw new SandboxError({
      code: "unavailable",
      message:
        "The files of a sandbox could not all be given to its uid; none is lost, and the next start goes on with it. See that workspaceRoot can be written to, and try again.",
      cause,
    });
  }
  lchownIfThere(path, owner);
}

/**
 * All that lies below a directory, or `null` if that is more than so many, too deep for paths, or on
 * several filesystems. Only real directories are entered.
 */
export async function entriesBelow(top: string, max: number): Promise<Buffer[] | null> {
  const entries: Buffer[] = [];
  const directories: Buffer[] = [Buffer.from(top)];
  let device: number | null = null;
  let turn = 0;
  for (let directory = directories.pop(); directory; directory = directories.pop()) {
    if (directory.length > MAX_PATH_BYTES) return null;
    const found = lstatSync(directory, { throwIfNoEntry: false });
    if (!found?.isDirectory()) continue;
    device ??= found.dev;
    if (found.dev !== device) return null;
    const list = isSmall(found.size)
      ? listedAtOnce(directory)
      : listed(directory, max - entries.length + 1);
    for (const { path, isDirectory } of list) {
      entries.push(path);
      if (isDirectory) directories.push(path);
    }
    if (entries.length > max) return null;
    if (entries.length - turn < ENTRIES_AT_ONCE) continue;
    turn = entries.length;
    await nextTurn();
  }
  return entries;
}

/** Filesystems tell the size of a directory by its entries; some tell nothing. */
function isSmall(sizeBytes: number): boolean {
  return sizeBytes > 0 && sizeBytes <= SMALL_BYTES;
}

interface Entry {
  path: Buffer;
  isDirectory: boolean;
}

/** Takes a third of the time that entries one by one take. */
function listedAtOnce(directory: Buffer): Entry[] {
  const prefix = Buffer.concat([directory, Buffer.from("/")]);
  try {
    const found = readdirSync(directory, { encoding: "buffer", withFileTypes: true });
    return found.map((entry) => ({
      path: Buffer.concat([prefix, entry.name]),
      isDirectory: entry.isDirectory(),
    }));
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Entries of one directory, at most so many. Names are bytes: users' need not be text. */
function listed(directory: Buffer, max: number): Entry[] {
  const prefix = Buffer.concat([directory, Buffer.from("/")]);
  const found: Entry[] = [];
  const options = { encoding: "buffer" as const, bufferSize: ENTRIES_AT_ONCE };
  // The types know no names that are bytes.
  let handle: Dir;
  try {
    handle = opendirSync(directory as unknown as string, options as object);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return found;
    throw error;
  }
  try {
    for (let entry = handle.readSync(); entry && found.length < max; entry = handle.readSync()) {
      const { name } = entry as unknown as Dirent<Buffer>;
      found.push({ path: Buffer.concat([prefix, name]), isDirectory: entry.isDirectory() });
    }
  } finally {
    handle.closeSync();
  }
  return found;
}

function lchownIfThere(path: string | Buffer, uid: number): void {
  try {
    lchownSync(path, uid, uid);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}
