import type { FileInfo, GrepMatch } from "@carrel/backend-protocol";
import type { FileTreeOptions } from "../files/file-tree.ts";

interface SearchJobBase {
  places: FileTreeOptions;
  /** Resolved. */
  path: string;
  limit: number;
  hidden: boolean;
}

export interface GlobJob extends SearchJobBase {
  type: "glob";
  pattern: string;
}

export interface GrepJob extends SearchJobBase {
  type: "grep";
  pattern: string;
  glob: string | undefined;
  literal: boolean;
  ignoreCase: boolean;
}

export type SearchJob = GlobJob | GrepJob;

/** `end` and `error` are the last words. */
export type SearchMessage =
  | { type: "found"; results: (FileInfo | GrepMatch)[] }
  | { type: "end"; truncated: boolean }
  | { type: "error"; code: string; message: string };
