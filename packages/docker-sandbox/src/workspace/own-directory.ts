import type { Stats } from "node:fs";
import { chown, lstat, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";

const DIRECTORY_MODE = 0o700;
const OTHERS_WRITE = 0o022;

/** Make a directory of this process's own, or see that what is there is that and nothing else. */
export async function makeOwn(path: string, what: string): Promise<void> {
  await makeDirectories(path);
  await requireOwn(path, what);
}

/** @throws `invalid-argument` where it is no directory of this process's own, `unavailable` */
export async function requireOwn(path: string, what: string): Promise<void> {
  const reason = whyNotOwn(await look(path));
  if (reason === null) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `${what} ${reason}.`,
    cause: new Error(path),
  });
}

/** What is wrong with it as a directory of this process's own, for a sentence; `null` if nothing. */
export function whyNotOwn(found: Stats): string | null {
  const uid = process.getuid?.() ?? found.uid;
  if (found.isSymbolicLink()) return "must be a directory and no link; name the directory itself";
  if (!found.isDirectory()) return "must be a directory";
  if (found.uid !== uid) {
    return `must belong to the user of this process (uid ${uid}), not to uid ${found.uid}; chown it, or run as that user`;
  }
  if ((found.mode & OTHERS_WRITE) === 0) return null;
  return `must be writable by its owner alone, and has mode ${(found.mode & 0o7777).toString(8)}; chmod 700 it`;
}

/**
 * Make a directory that a sandbox's user owns, or see that what is there is one.
 * @param only nobody else may own it
 */
export async function makeForUser(path: string, uid: number, only = true): Promise<void> {
  await makeDirectory(path);
  await requireForUser(path, uid, only);
}

/** @throws `unavailable` if it is no directory of the sandbox's user */
export async function requireForUser(path: string, uid: number, only = true): Promise<void> {
  // The engine resolves the path when it mounts: no link may stand there.
  const found = await look(path);
  const isDirectory = found.isDirectory();
  if (isDirectory && found.uid === uid) return;
  // Another one is about to give it to the user, or was cut off when it was.
  if (isDirectory && found.uid === process.getuid?.()) return giveTo(path, uid);
  if (isDirectory && !only) return;
  throw new SandboxError({
    code: "unavailable",
    message: `The files of a sandbox must lie in a directory that belongs to the uid ${uid}, as which the sandbox runs. Change the owner of the directory that the server's log names and of all that is in it.`,
    cause: new Error(path),
  });
}

async function giveTo(path: string, uid: number): Promise<void> {
  try {
    await chown(path, uid, uid);
  } catch (error) {
    throw cannotMake(error);
  }
}

async function look(path: string): Promise<Stats> {
  try {
    return await lstat(path);
  } catch (error) {
    throw cannotMake(error);
  }
}

/** With its parents, one by one: Node's own way to do that does not end where /proc is asked for. */
async function makeDirectories(path: string): Promise<void> {
  try {
    await makeDirectory(path);
  } catch (error) {
    if (!isMissing(error) || (await isThere(dirname(path)))) throw error;
    await makeDirectories(dirname(path));
    await makeDirectory(path);
  }
}

/** Does nothing where something is there already. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (!hasErrno(error, "EEXIST")) throw cannotMake(error);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    return !hasErrno(error, "ENOENT");
  }
}

function cannotMake(cause: unknown): SandboxError {
  const errno = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new SandboxError({
    code: hasErrno(cause, "ENOSPC", "EDQUOT") ? "no-space" : "unavailable",
    message: `A directory for the files of sandboxes cannot be made or read${errno}; check workspaceRoot.`,
    cause,
  });
}

/** Somebody removed it, or what it is in. */
export function isMissing(error: unknown): boolean {
  return hasErrno(SandboxError.isInstance(error) ? error.cause : error, "ENOENT");
}

export function hasErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
