import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxErrorCode } from "@carrel/backend-protocol";

/** @see https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

const MEANINGS: Readonly<Record<number, { code: SandboxErrorCode; message: string }>> = {
  3: { code: "permission-denied", message: "may not be accessed; give its file to this user" },
  [SQLITE_BUSY]: { code: "timeout", message: "was in use by others all the time; try again" },
  [SQLITE_LOCKED]: { code: "timeout", message: "was in use by others all the time; try again" },
  8: {
    code: "permission-denied",
    message: "cannot be written; make its file and its folder writable for this user",
  },
  10: { code: "unavailable", message: "could not be read or written; look at its disk" },
  11: { code: "unavailable", message: "is damaged; put back a copy of its file" },
  13: { code: "no-space", message: "has no room; free space on its disk" },
  14: {
    code: "unavailable",
    message: "could not be opened; look whether its folder exists and this user may write there",
  },
  26: { code: "invalid-argument", message: "is none; name another file" },
};

const FILE_ERRORS: Readonly<Record<string, number>> = {
  EACCES: 8,
  EPERM: 8,
  EROFS: 8,
  ENOSPC: 13,
  EDQUOT: 13,
  EIO: 10,
  ENOENT: 14,
  ENOTDIR: 14,
  EISDIR: 14,
  EEXIST: 14,
  EMFILE: 14,
  ENFILE: 14,
};

export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE_BUSY || code === SQLITE_LOCKED;
}

/** What an error of SQLite, or of the file system around its file, means; `null`: it is another error. */
export function translateSqliteError(error: unknown): SandboxError | null {
  const meaning = MEANINGS[primaryCode(error) ?? Number.NaN];
  if (!meaning) return null;
  const { code, message } = meaning;
  return new SandboxError({ code, message: `The database of sessions ${message}.`, cause: error });
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  // The upper bits tell kinds of the same error apart.
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode & 0xff;
  return "code" in error ? FILE_ERRORS[String(error.code)] : undefined;
}
