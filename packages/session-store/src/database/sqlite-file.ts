import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { SandboxError } from "@carrel/backend-protocol";
import { retryWhileBusy } from "./busy-retry.ts";
import { loadNodeSqlite } from "./node-sqlite.ts";

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
const FILE_SUFFIXES = ["", "-wal", "-shm", "-journal"];
const WRITE_AHEAD_LOG_BYTES = 16 * 1024 * 1024;

/** Open a file, which is made where it is missing, so that what was committed survives every crash. */
export async function openSqliteFile(path: string, timeoutMs: number): Promise<DatabaseSync> {
  makeFile(path);
  const { DatabaseSync } = loadNodeSqlite();
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    await retryWhileBusy(() => configure(file), timeoutMs);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The files that SQLite puts beside it take over its mode, unless they are there already. */
function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", OWNER_ONLY));
  for (const suffix of FILE_SUFFIXES) closeToOthers(path + suffix);
}

function closeToOthers(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && (stats.mode & OTHERS) !== 0) chmodSync(path, OWNER_ONLY);
}

function configure(file: DatabaseSync): void {
  const mode = file.prepare("pragma journal_mode = wal").get()?.["journal_mode"];
  if (mode !== "wal") {
    throw new SandboxError({
      code: "unsupported",
      message:
        "SQLite can keep no write-ahead log beside its file here; use a disk of this machine, or PostgreSQL.",
    });
  }
  // With the write-ahead log alone, a loss of power would take back what was committed last.
  file.exec("pragma synchronous = full");
  file.exec("pragma foreign_keys = on");
  file.exec("pragma trusted_schema = off");
  // What is deleted is overwritten, and what SQLite sorts leaves no file.
  file.exec("pragma secure_delete = on");
  file.exec("pragma temp_store = memory");
  file.exec(`pragma journal_size_limit = ${WRITE_AHEAD_LOG_BYTES}`);
}
