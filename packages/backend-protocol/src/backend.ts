import type {
  EditOptions,
  EditResult,
  FileContent,
  FileEvent,
  FileInfo,
  GlobOptions,
  GlobResult,
  GrepOptions,
  GrepResult,
  LineRange,
  ListOptions,
  MoveOptions,
  OperationOptions,
  ReadLinesOptions,
  ReadOptions,
  RemoveOptions,
  WriteOptions,
  WriteResult,
} from "./files.ts";

/**
 * The files of a sandbox.
 *
 * Every path is POSIX, absolute or relative to the sandbox's `workDir`; `.` and `..` and double
 * slashes are resolved before anything is opened, and nothing else in a path has a meaning (`~`,
 * `$HOME` and wildcards are names like any other). A path with a NUL, with a lone surrogate that
 * stands for no byte, or over {@link MAX_PATH_BYTES} is `invalid-path`. The root of the sandbox is
 * its own: no path leads out.
 *
 * Linux names are bytes. One that is not UTF-8 is given with each offending byte 0xNN as the lone
 * surrogate U+DCNN (the scheme of PEP 383), and the same string passed back reaches the same file.
 *
 * Links are followed inside the sandbox where it has them, except as the last part of the path in
 * `stat`, `ls` entries, `remove` and `move`. Only regular files are opened; anything else is
 * `not-regular`.
 *
 * After `unavailable` or `timeout` of a method that changes something, nobody knows whether it did:
 * look before you repeat it.
 *
 * Every method throws {@link SandboxError}. Absent is `null` on `stat`, `read` and `readLines`;
 * elsewhere it is `not-found`.
 */
export interface Backend {
  /** `null` where nothing is there, also where a parent is missing or is a file. */
  stat(path: string, options?: OperationOptions): Promise<FileInfo | null>;

  /**
   * The entries of a directory, hidden ones too, in the order of the bytes of their names; all of
   * them, or a page of `limit` entries that come `after` a name.
   * @throws `not-found`, `not-directory`, `too-large` (no `limit`, and over {@link MAX_LIST_ENTRIES}), `invalid-argument` (`limit`, or an `after` that is no name)
   */
  ls(path: string, options?: ListOptions): Promise<FileInfo[]>;

  /**
   * The bytes of a file, or `null` where there is none.
   * @throws `is-directory`, `not-regular`, `too-large` where more than {@link MAX_READ_BYTES} would be returned
   */
  read(path: string, options?: ReadOptions): Promise<Uint8Array | null>;

  /**
   * Lines of a text file, or `null` where there is none. Of any file, in bounded memory: the range
   * ends early at {@link MAX_READ_LINES_BYTES}.
   * @throws `is-directory`, `not-regular`
   */
  readLines(path: string, options?: ReadLinesOptions): Promise<LineRange | null>;

  /**
   * Create or replace a file; missing parents are made. Atomic: readers see the old content or the
   * new, and after a failure the old. Keeps the mode and owner of the file it replaces.
   * @throws `is-directory`, `not-directory` (a parent is a file), `conflict`, `permission-denied`, `no-space`, `too-large`
   */
  write(path: string, content: FileContent, options?: WriteOptions): Promise<WriteResult>;

  /**
   * Replace text in a file, literally and byte for byte; bytes elsewhere are kept, whatever their
   * encoding. Atomic like `write`.
   * @throws `not-found`, `no-match`, `ambiguous-match`, `conflict`, `is-directory`, `too-large` over {@link MAX_READ_BYTES}, `invalid-argument` (empty `oldText`)
   */
  edit(path: string, oldText: string, newText: string, options?: EditOptions): Promise<EditResult>;

  /**
   * `false` where nothing was there. A link is removed, not what it leads to.
   * @throws `is-directory` (not empty, and not `recursive`), `invalid-path` (the root, or `workDir` itself)
   */
  remove(path: string, options?: RemoveOptions): Promise<boolean>;

  /**
   * Rename a file or directory; missing parents of the target are made.
   * @throws `not-found`, `already-exists`, `is-directory` (the target is a directory), `invalid-path` (into itself)
   */
  move(from: string, to: string, options?: MoveOptions): Promise<void>;

  /**
   * Make a directory and its parents. One that is there already is fine.
   * @throws `already-exists` (a file is there), `not-directory` (a parent is a file)
   */
  mkdir(path: string, options?: OperationOptions): Promise<void>;

  /**
   * Find files by pattern: `*` and `?` within a name, `**` over any number of directories,
   * `[abc]`, `[a-z]`, `[!a]`, `{a,b}`; `\` takes the next character literally. A part of the
   * pattern that equals a name always matches it, so `app/[...slug].ts` finds that very file. A
   * pattern without a `/` matches names directly in `path`. Links to directories are not entered.
   * @throws `not-found`, `not-directory`, `invalid-argument` (also over {@link MAX_GLOB_PATTERN_BYTES})
   */
  glob(pattern: string, options?: GlobOptions): Promise<GlobResult>;

  /**
   * Find lines by a regular expression in RE2 syntax, or by text. Binary files (a NUL in their
   * first 8 KiB) and everything but regular files are passed over.
   * @throws `not-found`, `invalid-argument` (the expression cannot be parsed; a pattern over {@link MAX_GREP_PATTERN_BYTES}, a `glob` over {@link MAX_GLOB_PATTERN_BYTES})
   */
  grep(pattern: string, options?: GrepOptions): Promise<GrepResult>;

  /**
   * A file of any size, chunk by chunk; cancel the stream to stop early.
   * @throws `not-found`, `is-directory`, `not-regular`
   */
  readStream(path: string, options?: OperationOptions): Promise<ReadableStream<Uint8Array>>;

  /**
   * A file or directory as an uncompressed tar (ustar with pax headers), names relative to the
   * parent of `path`. Links are stored as links; FIFOs, sockets and devices are left out. Owners are not
   * told, because they mean nothing outside of the sandbox.
   * @throws `not-found`
   */
  archive(path: string, options?: OperationOptions): Promise<ReadableStream<Uint8Array>>;

  /** Changes below a directory, from the first `next()` until the signal fires. Absent where the sandbox cannot tell. */
  watch?(path: string, options?: OperationOptions): AsyncIterable<FileEvent>;
}
