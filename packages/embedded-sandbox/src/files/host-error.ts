import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxErrorCode } from "@carrel/backend-protocol";

const CODES: Readonly<Record<string, { code: SandboxErrorCode; message: string }>> = {
  ENOENT: { code: "not-found", message: "there is nothing" },
  ENOTDIR: { code: "not-directory", message: "a part of the path is a file" },
  EISDIR: { code: "is-directory", message: "it is a directory" },
  ENOTEMPTY: { code: "is-directory", message: "the directory is not empty" },
  EEXIST: { code: "already-exists", message: "something is there already" },
  EACCES: { code: "permission-denied", message: "permission denied" },
  EPERM: { code: "permission-denied", message: "permission denied" },
  EROFS: { code: "permission-denied", message: "the file system is read-only" },
  ENAMETOOLONG: { code: "invalid-path", message: "the path is too long" },
  ELOOP: { code: "not-regular", message: "it is a symbolic link" },
  ENXIO: { code: "not-regular", message: "it is not a regular file" },
  ENOSPC: { code: "no-space", message: "the disk is full" },
  EDQUOT: { code: "no-space", message: "the quota is used up" },
  EMFILE: { code: "unavailable", message: "too many files are open; try again" },
  ENFILE: { code: "unavailable", message: "too many files are open; try again" },
};

/** `ENOENT` and the like, or "" for anything that is no error of the host's file system. */
export function hostErrorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}

/** The host's error in the protocol's terms; its text, which names host paths, only as the cause. */
export function translateHostError(error: unknown, path: string): unknown {
  const known = CODES[hostErrorCode(error)];
  if (!known || SandboxError.isInstance(error)) return error;
  const message = `${JSON.stringify(path)}: ${known.message}.`;
  return new SandboxError({ code: known.code, message, cause: error });
}
