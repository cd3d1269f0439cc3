import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** One hash of all names and contents under a directory. Nothing may write there meanwhile. */
export async function hashTree(directory: string): Promise<string> {
  const hash = createHash("sha256");
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name)).toSorted();
  const files = new Set(
    entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name)),
  );
  for (const path of paths) {
    hash.update(`\0${path.slice(directory.length)}\0`);
    if (files.has(path)) hash.update(await readFile(path));
  }
  return hash.digest("hex");
}
