import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { hostErrorCode } from "./files/host-error.ts";

const LOCK_NAME = ".lock";
const ATTEMPTS = 3;

/**
 * Keep other processes away from a root: two would not see each other's commands and changes. A lock
 * whose process is gone is taken over. Providers of one process share it.
 *
 * @returns the function that gives it back
 * @throws `unavailable` where another process has it
 */
export async function lockRoot(root: string): Promise<() => Promise<void>> {
  const path = join(root, LOCK_NAME);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await writeFile(path, String(process.pid), { flag: "wx", mode: 0o600 });
      return () => rm(path, { force: true });
    } catch (error) {
      if (hostErrorCode(error) !== "EEXIST") throw error;
    }
    const holder = Number(await readFile(path, "utf8").catch(() => ""));
    if (holder === process.pid) return () => Promise.resolve();
    if (isAlive(holder)) throw rootIsTaken(holder);
    await rm(path, { force: true });
  }
  throw rootIsTaken(null);
}

function isAlive(processId: number): boolean {
  if (!Number.isSafeInteger(processId) || processId <= 0) return false;
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return hostErrorCode(error) === "EPERM";
  }
}

function rootIsTaken(holder: number | null): SandboxError {
  const who = holder === null ? "another process" : `process ${holder}`;
  return new SandboxError({
    code: "unavailable",
    message: `The folder for sandboxes is used by ${who}. Stop that, or use another folder; if it is no Carrel, delete the file ${LOCK_NAME} in it.`,
  });
}
