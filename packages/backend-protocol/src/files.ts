/** Every operation takes a signal: an abort stops the work inside the sandbox, not only the wait. */
export interface OperationOptions {
  /** On abort the operation throws `aborted`. */
  signal?: AbortSignal;
}

export type FileType = "file" | "directory" | "symlink" | "other";

export interface FileInfo {
  /** Absolute and normalised. Can be passed back as it is. */
  path: string;
  /** The last part of the path; `/` for the root. */
  name: string;
  /** What stands at the path itself: links are not followed. `other`: FIFO, socket or device. */
  type: FileType;
  /** Length of a file in bytes; of anything else, whatever the file system says. */
  sizeBytes: number;
  /** Permission bits, 0 to 0o7777. */
  mode: number;
  /** Last change of the content, ISO 8601 in UTC. */
  modifiedAt: string;
}

/**
 * Options of a listing. With the last name of one page as `after` of the next, a directory of any
 * size is listed page by page: an entry that stays is neither missed nor repeated.
 */
export interface ListOptions extends OperationOptions {
  /**
   * Most entries to return, 1 to {@link MAX_LIST_ENTRIES}. A page of fewer entries is the last one.
   * @default all, if they are no more than {@link MAX_LIST_ENTRIES}
   */
  limit?: number | undefined;
  /**
   * Return only entries whose names come after this one, in the order of their bytes. Nothing of
   * this name need be there. @default from the first one
   */
  after?: string | undefined;
}

export interface ReadOptions extends OperationOptions {
  /** First byte, from 0. Beyond the end the result is empty. @default 0 */
  offset?: number;
  /** Most bytes to return. @default to the end of the file, where that is ≤ {@link MAX_READ_BYTES} */
  limit?: number;
}

export interface ReadLinesOptions extends OperationOptions {
  /** First line, from 0. Beyond the end the result has no lines. @default 0 */
  offset?: number;
  /** Most lines to return, at least 1. @default {@link DEFAULT_READ_LINES} */
  limit?: number;
}

export interface LineRange {
  /**
   * The lines without their `\n`; a `\r` before it stays. A final line break does not make an
   * empty line after it: "a\n" and "a" are both one line, "" is none. Bytes that are no UTF-8
   * become U+FFFD.
   */
  lines: string[];
  /** Number of the first line returned, from 0. */
  offset: number;
  /** Where to go on reading; `null` at the end of the file. */
  nextOffset: number | null;
  /** Lines in the whole file; `null` where counting them would have taken too long. */
  totalLines: number | null;
  /**
   * SHA-256 of the whole file, lower-case hex, for `ifHash`; `null` where the file was not read to
   * its end.
   */
  hash: string | null;
  /** Indexes in `lines` of those that were longer than {@link MAX_LINE_BYTES} and are cut. */
  cutLines: number[];
  /** The file has a NUL in its first 8 KiB: `lines` is empty, use `read`. */
  binary: boolean;
}

/** `string` is written as UTF-8. A stream is read to its end; if it fails, nothing is written. */
export type FileContent = string | Uint8Array | ReadableStream<Uint8Array>;

export interface WriteOptions extends OperationOptions {
  /**
   * Write only if the file still has this hash; `null`: only if nothing is there. Otherwise
   * `conflict`, and nothing is changed.
   */
  ifHash?: string | null;
  /** Permission bits of the file. @default those of the file that is replaced, else 0o644 */
  mode?: number;
}

export interface WriteResult {
  /** Absolute and normalised. */
  path: string;
  sizeBytes: number;
  /** SHA-256 of the content, lower-case hex. */
  hash: string;
  /** No file stood there before. */
  created: boolean;
}

export interface EditOptions extends OperationOptions {
  /** Replace every occurrence. Without it, several occurrences are `ambiguous-match`. @default false */
  replaceAll?: boolean;
  /** Edit only if the file still has this hash. Otherwise `conflict`. */
  ifHash?: string;
}

export interface EditResult {
  path: string;
  /** How many occurrences were replaced; at least 1. */
  replacements: number;
  sizeBytes: number;
  /** SHA-256 of the new content, lower-case hex. */
  hash: string;
  /** Number of the line, from 1, on which the first occurrence began. */
  firstLine: number;
}

export interface RemoveOptions extends OperationOptions {
  /** Remove a directory with all that is in it. Without it, one that is not empty is `is-directory`. @default false */
  recursive?: boolean;
}

export interface MoveOptions extends OperationOptions {
  /** Replace a file that stands at the target; without it that is `already-exists`. @default false */
  overwrite?: boolean;
}

export interface GlobOptions extends OperationOptions {
  /** Directory to search. @default the sandbox's `workDir` */
  path?: string;
  /** Most files to return, 1 to {@link MAX_SEARCH_LIMIT}. @default {@link DEFAULT_SEARCH_LIMIT} */
  limit?: number;
  /** Also match names that begin with a dot by wildcards. @default false */
  hidden?: boolean;
  /** When to stop and return what was found. @default {@link DEFAULT_SEARCH_TIMEOUT_MS} */
  timeoutMs?: number;
}

export interface GlobResult {
  /** Files and links, not directories; sorted by path, in the order of their bytes. */
  files: FileInfo[];
  /** There are more, or the time was up: `files` is not all. */
  truncated: boolean;
}

export interface GrepOptions extends OperationOptions {
  /** File or directory to search. @default the sandbox's `workDir` */
  path?: string;
  /** Search only files whose path below `path` matches this glob; without a `/` in it, whose name does. */
  glob?: string;
  /** Take the pattern as text and not as a regular expression. @default false */
  literal?: boolean;
  /** @default false */
  ignoreCase?: boolean;
  /** Most matching lines to return, 1 to {@link MAX_SEARCH_LIMIT}. @default {@link DEFAULT_SEARCH_LIMIT} */
  limit?: number;
  /** Also search files and directories that begin with a dot. One named by `path` always is. @default false */
  hidden?: boolean;
  /** When to stop and return what was found. @default {@link DEFAULT_SEARCH_TIMEOUT_MS} */
  timeoutMs?: number;
}

export interface GrepMatch {
  path: string;
  /** From 1. */
  line: number;
  /** The line, without its line break (`\n` or `\r\n`); cut at {@link MAX_LINE_BYTES} around the match. */
  text: string;
}

export interface GrepResult {
  /** Sorted by path, in the order of their bytes, then by line. */
  matches: GrepMatch[];
  /** There are more, or the time was up: `matches` is not all. */
  truncated: boolean;
}

export interface FileEvent {
  type: "created" | "changed" | "removed";
  path: string;
}
