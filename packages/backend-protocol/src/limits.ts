/** Longest path that is accepted, in bytes of UTF-8. Linux's PATH_MAX, less the closing NUL. */
export const MAX_PATH_BYTES = 4095;

/** Longest name of one file, in bytes. Linux's NAME_MAX. */
export const MAX_NAME_BYTES = 255;

/** Most bytes that one {@link Backend.read} returns, and largest file that `edit` accepts. */
export const MAX_READ_BYTES: number = 16 * 1024 * 1024;

/** Lines that {@link Backend.readLines} returns where no `limit` is given. */
export const DEFAULT_READ_LINES = 2000;

/** Longest line that `readLines` and `grep` return, in bytes; what is beyond it is cut. */
export const MAX_LINE_BYTES: number = 16 * 1024;

/** Most text that one `readLines` returns, in bytes; it ends early at this and says where to go on. */
export const MAX_READ_LINES_BYTES: number = 1024 * 1024;

/** Longest pattern of a `glob`, in bytes; also the one that limits a `grep` to some files. */
export const MAX_GLOB_PATTERN_BYTES = 4096;

/** Longest pattern of a `grep`, be it an expression or text, in bytes. */
export const MAX_GREP_PATTERN_BYTES: number = 64 * 1024;

/** Results of `glob` and `grep` where no `limit` is given. */
export const DEFAULT_SEARCH_LIMIT = 1000;

/** Most results that `glob` and `grep` give, whatever `limit` says. */
export const MAX_SEARCH_LIMIT = 10_000;

/** How long `glob` and `grep` search where no `timeoutMs` is given. */
export const DEFAULT_SEARCH_TIMEOUT_MS = 10_000;

/** Most entries that one `ls` returns. A larger directory is `too-large` without a `limit`: list it in pages. */
export const MAX_LIST_ENTRIES = 100_000;

/** How long a command may run where no `timeoutMs` is given. */
export const DEFAULT_COMMAND_TIMEOUT_MS = 120_000;

/** Longest time that a command may be given: one day. */
export const MAX_COMMAND_TIMEOUT_MS: number = 24 * 60 * 60 * 1000;

/** Output that a command may write where no `maxOutputBytes` is given; both streams together. */
export const DEFAULT_MAX_OUTPUT_BYTES: number = 1024 * 1024;

/** Most output that a caller may allow a command to write. */
export const MAX_OUTPUT_BYTES: number = 64 * 1024 * 1024;

/** Longest command line, in bytes of UTF-8. Linux's MAX_ARG_STRLEN, less the closing NUL. */
export const MAX_COMMAND_BYTES: number = 128 * 1024 - 1;

/** Most bytes of one chunk of output. */
export const MAX_CHUNK_BYTES: number = 64 * 1024;
