import { lstat } from "node:fs/promises";
import type { Stats } from "node:fs";
import { pathFromBytes } from "@carrel/backend-protocol";
import type { Entry } from "../files/file-tree.ts";
import { hostErrorCode } from "../files/host-error.ts";
import { directoryNames } from "../files/list.ts";
import type { GlobPattern, GlobState } from "./glob-pattern.ts";

export interface FoundFile {
  path: string;
  stats: Stats;
}

type Directory = Pick<Entry, "path" | "hostPath">;

interface Child extends Directory {
  name: string;
  stats: Stats;
}

/** The files below a directory that match, in the order of the bytes of their paths. */
export async function* walk(
  directory: Directory,
  pattern: GlobPattern,
  { hidden, state = pattern.start }: { hidden: boolean; state?: GlobState },
): AsyncGenerator<FoundFile, void> {
  for (const child of await children(directory)) {
    const next = pattern.advance(state, child.name, hidden);
    if (!child.stats.isDirectory()) {
      if (pattern.isMatch(next)) yield child;
    } else if (pattern.canContinue(next)) {
      yield* walk(child, pattern, { hidden, state: next });
    }
  }
}

async function children(directory: Directory): Promise<Child[]> {
  const found: Child[] = [];
  for (const bytes of await readableNames(directory)) {
    const name = pathFromBytes(bytes);
    const hostPath = Buffer.concat([directory.hostPath, Buffer.from("/"), bytes]);
    const stats = await statsOrNull(hostPath);
    const path = directory.path === "/" ? `/${name}` : `${directory.path}/${name}`;
    if (stats) found.push({ path, hostPath, name, stats });
  }
  return found.sort((left, right) => Buffer.compare(sortKey(left), sortKey(right)));
}

// As the path of what is below it continues: the slash counts when paths are compared.
function sortKey({ hostPath, stats }: Child): Buffer {
  return stats.isDirectory() ? Buffer.concat([hostPath, Buffer.from("/")]) : hostPath;
}

// What cannot be read, or was removed meanwhile, holds nothing to find.
async function readableNames(directory: Directory): Promise<Buffer[]> {
  return directoryNames(directory).catch(() => []);
}

async function statsOrNull(hostPath: Buffer): Promise<Stats | null> {
  try {
    return await lstat(hostPath);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(hostErrorCode(error))) return null;
    throw error;
  }
}
