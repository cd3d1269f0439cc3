import { mkdir as makeDirectory, rename, rm, rmdir, unlink } from "node:fs/promises";
import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type { MoveOptions, OperationOptions, RemoveOptions } from "@carrel/backend-protocol";
import { isDirectory, refusedLink, show } from "./file-tree.ts";
import type { Entry, FileTree, Place } from "./file-tree.ts";
import { hostErrorCode, translateHostError } from "./host-error.ts";
import type { Serialiser } from "./serialise.ts";
import { makeParents } from "./write.ts";

export async function mkdir(
  tree: FileTree,
  path: string,
  { signal }: OperationOptions = {},
): Promise<void> {
  throwIfAborted(signal);
  if (tree.virtualNames(tree.resolve(path))) return;
  const { place, entry } = await tree.target(path);
  if (entry?.stats.isDirectory()) return;
  if (entry?.stats.isSymbolicLink()) throw refusedLink(place.path);
  try {
    await makeDirectory(place.hostPath, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw translateHostError(error, place.path);
  }
}

export async function remove(
  tree: FileTree,
  path: string,
  { recursive = false, signal }: RemoveOptions = {},
): Promise<boolean> {
  throwIfAborted(signal);
  requireMovable(tree, path, "removed");
  const entry = await tree.find(path);
  if (!entry) return false;
  try {
    if (!entry.stats.isDirectory()) await unlink(entry.hostPath);
    else if (recursive) await rm(entry.hostPath, { recursive: true });
    else await rmdir(entry.hostPath);
  } catch (error) {
    // Somebody else was first.
    if (hostErrorCode(error) === "ENOENT") return false;
    throw translateHostError(error, entry.path);
  }
  return true;
}

export async function move(
  tree: FileTree,
  commits: Serialiser,
  from: string,
  { to, overwrite = false, signal }: MoveOptions & { to: string },
): Promise<void> {
  throwIfAborted(signal);
  requireMovable(tree, from, "moved");
  requireMovable(tree, to, "replaced");
  const source = await tree.get(from);
  await commits.run(async () => {
    const { place, entry } = await tree.target(to);
    if (place.path === source.path) return;
    requireOutside(source, place);
    if (entry) requireOverwritable(entry, overwrite);
    await makeParents(place);
    try {
      await rename(source.hostPath, place.hostPath);
    } catch (error) {
      throw translateHostError(error, source.path);
    }
  });
}

function requireMovable(tree: FileTree, path: string, verb: string): void {
  const resolved = tree.resolve(path);
  if (!tree.virtualNames(resolved) && !tree.place(path)?.isMount) return;
  throw new SandboxError({
    code: "invalid-path",
    message: `${show(resolved)} itself cannot be ${verb}; name something in it.`,
  });
}

function requireOutside(source: Place, target: Place): void {
  if (!target.path.startsWith(`${source.path}/`)) return;
  throw new SandboxError({
    code: "invalid-path",
    message: `${show(source.path)} cannot be moved into itself.`,
  });
}

function requireOverwritable(entry: Entry, overwrite: boolean): void {
  if (entry.stats.isDirectory()) throw isDirectory(entry.path);
  if (overwrite) return;
  throw new SandboxError({
    code: "already-exists",
    message: `Something is at ${show(entry.path)} already; choose another name, or overwrite it.`,
  });
}
