import type { Duplex } from "node:stream";
import type { Backend } from "./backend.ts";
import type { OperationOptions } from "./files.ts";
import type {
  AttachOptions,
  ExecuteOptions,
  ExecuteResult,
  ProcessHandle,
  ProcessInfo,
  SpawnOptions,
} from "./process.ts";

/** What tools get: the files of a sandbox, and processes in it. Nothing here ends or deletes it. */
export interface Sandbox extends Backend {
  /** Names the sandbox in logs and to LangChain. Tells nothing about its user. Never empty. */
  readonly id: string;
  /** Absolute path of the user's files. Relative paths and commands start here. */
  readonly workDir: string;

  /**
   * Run a shell command to its end. However it ends is a result; an error means that it could not
   * be run at all, or that its output took too much of the server's memory and it was killed: `capacity`.
   * @throws `invalid-argument`, `not-found` and `not-directory` (`cwd`), `process-limit`, `capacity`, `gone`, `unavailable`
   */
  execute(command: string, options?: ExecuteOptions): Promise<ExecuteResult>;

  /** Start a shell command and return at once. Errors as with `execute`. */
  spawn(command: string, options?: SpawnOptions): Promise<ProcessHandle>;

  /** The processes that `spawn` and `execute` started: running ones, and the last 100 that ended. */
  processes(options?: OperationOptions): Promise<ProcessInfo[]>;

  /**
   * A handle on a process of {@link Sandbox.processes}, for instance after a connection broke.
   * @throws `not-found`
   */
  attach(processId: string, options?: AttachOptions): Promise<ProcessHandle>;

  /** A terminal with a login shell. Absent where the sandbox has none. */
  openTerminal?(options: TerminalOptions): Promise<TerminalHandle>;

  /**
   * A connection to a server that listens on the sandbox's loopback. Absent where there is none.
   * @throws `unavailable` (nothing listens), `invalid-argument` (no port, 1 to 65535)
   */
  connect?(port: number, options?: OperationOptions): Promise<Duplex>;
}

export interface TerminalOptions extends OperationOptions {
  columns: number;
  rows: number;
  /** @default the sandbox's `workDir` */
  cwd?: string;
}

export interface TerminalHandle {
  readonly id: string;
  readonly output: AsyncIterable<Uint8Array>;
  /** Resolves when the shell ended. Never rejects. */
  readonly closed: Promise<void>;
  write(data: string | Uint8Array): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  close(): Promise<void>;
}
