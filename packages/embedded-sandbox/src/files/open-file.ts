import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { SandboxError } from "@carrel/backend-protocol";
import { isDirectory, refusedLink, show } from "./file-tree.ts";
import type { Entry, FileTree } from "./file-tree.ts";
import { translateHostError } from "./host-error.ts";

/** An open regular file, or `null` where nothing is there. @throws `is-directory`, `not-regular` */
export async function openFile(tree: FileTree, path: string): Promise<FileHandle | null> {
  const entry = await tree.find(path);
  if (!entry) {
    if (tree.virtualNames(tree.resolve(path))) throw isDirectory(tree.resolve(path));
    return null;
  }
  requireFile(entry);
  let handle: FileHandle | undefined;
  try {
    // Never through a link, and never waiting for the other end of a FIFO.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    handle = await open(entry.hostPath, flags);
    requireFile({ ...entry, stats: await handle.stat() });
    return handle;
  } catch (error) {
    await handle?.close();
    throw translateHostError(error, entry.path);
  }
}

export function requireFile(entry: Entry): void {
  if (entry.stats.isFile()) return;
  if (entry.stats.isDirectory()) throw isDirectory(entry.path);
  if (entry.stats.isSymbolicLink()) throw refusedLink(entry.path);
  throw new SandboxError({
    code: "not-regular",
    message: `${show(entry.path)} is not a regular file.`,
  });
}
