import type { Stats } from "node:fs";
import { rename as renameWithCallback } from "node:fs";
import { chmod, lstat, opendir, readFile, readdir, rmdir } from "node:fs/promises";
import { promisify } from "node:util";
import { hasErrno } from "../workspace/own-directory.ts";

// Half as long as that of node:fs/promises where there are hundreds.
const rename = promisify(renameWithCallback);

const READ_AT_ONCE = 1000;

/** `false` where there is nothing to rename, or nowhere to. */
export async function renameIfThere(from: string | Buffer, to: string | Buffer): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/**
 * Move a directory to where nothing is, or an empty one.
 * @returns `false` where something is, or where it is not there itself
 */
export async function moveIntoPlace(from: string, to: string): Promise<boolean> {
  try {
    return await renameIfThere(from, to);
  } catch (error) {
    if (hasErrno(error, "ENOTEMPTY", "EEXIST", "ENOTDIR")) return false;
    throw error;
  }
}

export async function lstatIfThere(path: string | Buffer): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return null;
    throw error;
  }
}

/** Follows links: for directories whose parent is this process's own. */
export async function chmodIfThere(path: string, mode: number): Promise<void> {
  try {
    await chmod(path, mode);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

/** Of an empty directory. `false` where it is not empty. */
export async function removeIfThere(path: string): Promise<boolean> {
  try {
    await rmdir(path);
  } catch (error) {
    if (hasErrno(error, "ENOTEMPTY", "EEXIST")) return false;
    if (!hasErrno(error, "ENOENT")) throw error;
  }
  return true;
}

/** What lies in a directory, as bytes: names that users chose need not be text. */
export async function entriesOf(directory: string): Promise<Buffer[]> {
  try {
    return await readdir(directory, { encoding: "buffer" });
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** As many as there are, up to a number: users make as many as they like. */
export async function someEntriesOf(directory: string, count: number): Promise<Buffer[]> {
  const names: Buffer[] = [];
  const options = { encoding: "buffer" as const, bufferSize: READ_AT_ONCE };
  // The types know no names that are bytes.
  for await (const { name } of await opendir(directory, options as object)) {
    names.push(name as unknown as Buffer);
    if (names.length === count) break;
  }
  return names;
}

export async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return null;
    throw error;
  }
}
