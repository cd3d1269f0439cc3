import type { Stats } from "node:fs";
import type { FileInfo, FileType } from "@carrel/backend-protocol";

export function fileInfo(path: string, stats: Stats): FileInfo {
  return {
    path,
    name: path.slice(path.lastIndexOf("/") + 1) || "/",
    type: fileType(stats),
    sizeBytes: stats.size,
    mode: stats.mode & 0o7777,
    modifiedAt: stats.mtime.toISOString(),
  };
}

function fileType(stats: Stats): FileType {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "other";
}

/** A directory that exists only because mounts lie below it. */
export function virtualDirectoryInfo(path: string): FileInfo {
  return {
    path,
    name: path.slice(path.lastIndexOf("/") + 1) || "/",
    type: "directory",
    sizeBytes: 0,
    mode: 0o755,
    modifiedAt: new Date(0).toISOString(),
  };
}
