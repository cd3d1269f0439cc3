import { randomUUID } from "node:crypto";
import { link, rm, writeFile } from "node:fs/promises";
import { hasErrno } from "./own-directory.ts";

/**
 * Makes a file that this process's user alone reads, unless it is there. It is whole before it has its
 * name, so that several processes agree on one.
 */
export async function makeFileOnce(path: string, content: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content, { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if (!hasErrno(error, "EEXIST")) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
