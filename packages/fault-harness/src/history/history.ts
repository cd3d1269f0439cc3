/** What a caller asked for, and what came of it, on one monotonic clock for all callers. */
export interface Call {
  operation: Operation;
  /** Of the user whose sandbox it is. */
  key: string;
  /** Who asked: only for messages. */
  caller: string;
  startedAtMs: number;
  /** `null`: the call never came back. */
  endedAtMs: number | null;
  /** What it may take at most. */
  deadlineMs: number;
  result: CallResult;
}

/**
 * | operation | what it does | value of its success |
 * |---|---|---|
 * | `open` | `getOrCreate` | |
 * | `look` | use a session that is open, without opening it | |
 * | `write` | make `text` the content of `path` | |
 * | `read` | read `path` | its content, `null` where there is none |
 * | `append` | add `text` as a line to `path`, by a command | |
 * | `lines` | read the lines of `path` | them |
 * | `identify` | ask the sandbox which one it is | a text that is another for each start of a sandbox |
 * | `sleep` | put to sleep what is idle | |
 * | `end` | end the session; files stay | |
 * | `cycle` | make a sandbox for nobody, run a command in it, and destroy it | |
 */
export type Operation =
  | { name: "open" }
  | { name: "look" }
  | { name: "write"; path: string; text: string }
  | { name: "read"; path: string }
  | { name: "append"; path: string; text: string }
  | { name: "lines"; path: string }
  | { name: "identify" }
  | { name: "sleep" }
  | { name: "end" }
  | { name: "cycle" };

export type CallResult =
  | { kind: "ok"; value: string | readonly string[] | null }
  /** `code`: of a `SandboxError`; another error has its class's name after "not-a-sandbox-error". */
  | { kind: "error"; code: string; message: string }
  /** The process that served it was killed: it took effect, or will, or not. */
  | { kind: "unknown" };

/** A container on the engine, from when it was seen to exist until it was seen to be gone. */
export interface ContainerLife {
  id: string;
  key: string;
  createdAtMs: number;
  /** `null`: it is still there. */
  removedAtMs: number | null;
}

export interface History {
  calls: readonly Call[];
  containers: readonly ContainerLife[];
}

export type Rule =
  | "one-sandbox-per-key"
  | "nothing-lost"
  | "nothing-mixed"
  | "done-once"
  | "allowed-errors"
  | "deadline-kept"
  | "session-remembered"
  | "nothing-orphaned";

/** What must not be, and is. */
export interface Violation {
  rule: Rule;
  key: string;
  /** A sentence with what was seen. */
  message: string;
}
