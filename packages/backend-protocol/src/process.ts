import type { OperationOptions } from "./files.ts";

export interface SpawnOptions extends OperationOptions {
  /** One that fired before the start throws `aborted`; later it stops the command: `cancelled`. */
  signal?: AbortSignal;
  /** Directory to run in. @default the sandbox's `workDir` */
  cwd?: string;
  /**
   * Variables added to the sandbox's environment. Names are `[A-Za-z_][A-Za-z0-9_]*`, values have
   * no NUL; otherwise `invalid-argument`.
   */
  env?: Readonly<Record<string, string>>;
  /**
   * What the command reads from its standard input, which then ends. `"open"` leaves it open for
   * {@link ProcessHandle.write}. @default "" (it ends at once)
   */
  stdin?: string | Uint8Array | "open";
  /**
   * When the command and all that descends from it is stopped, 1 to {@link MAX_COMMAND_TIMEOUT_MS}.
   * @default {@link DEFAULT_COMMAND_TIMEOUT_MS}
   */
  timeoutMs?: number;
  /**
   * How much the command may write, both streams together, 0 to {@link MAX_OUTPUT_BYTES}. What is
   * over it is dropped and the command is stopped. @default {@link DEFAULT_MAX_OUTPUT_BYTES}
   */
  maxOutputBytes?: number;
}

export interface ExecuteOptions extends Omit<SpawnOptions, "stdin"> {
  /** What the command reads from its standard input, which then ends. @default "" */
  stdin?: string | Uint8Array;
}

/**
 * How a command ended.
 *
 * | outcome | `exitCode` | meaning |
 * |---|---|---|
 * | `exited` | 0–255 | by itself; also 126 and 127, the shell's "cannot run" and "not found" |
 * | `signaled` | `null` | by a signal that the sandbox did not send for a reason below |
 * | `timed-out` | `null` | stopped: `timeoutMs` passed |
 * | `cancelled` | `null` | stopped: the signal fired, or `kill` was called |
 * | `output-limit` | `null` | stopped: it wrote more than `maxOutputBytes` |
 * | `out-of-memory` | `null` | the sandbox's memory was used up |
 * | `lost` | `null` | nobody knows: the sandbox ended, or the channel broke |
 */
export type ProcessOutcome =
  | "exited"
  | "signaled"
  | "timed-out"
  | "cancelled"
  | "output-limit"
  | "out-of-memory"
  | "lost";

export interface ProcessResult {
  outcome: ProcessOutcome;
  /** Only with `exited`. */
  exitCode: number | null;
  /** Only with `signaled`, where it is known: `SIGSEGV`. */
  signal: string | null;
  /** Some of the output was dropped. */
  truncated: boolean;
  durationMs: number;
}

export interface ExecuteResult extends ProcessResult {
  /** Decoded as UTF-8; bytes that are none become U+FFFD. For the bytes themselves use `spawn`. */
  stdout: string;
  stderr: string;
  /** Both streams in the order in which they arrived. */
  output: string;
}

export interface OutputChunk {
  /** 1 for the first chunk of the process, then one more for each. */
  sequence: number;
  stream: "stdout" | "stderr";
  /** 1 to {@link MAX_CHUNK_BYTES} bytes, cut anywhere: a character may be split. */
  data: Uint8Array;
}

/**
 * A command that was started. It runs until it ends, is killed, or reaches a bound, whether or not
 * anyone holds or reads this handle.
 */
export interface ProcessHandle {
  /** Unique in the sandbox, also after the process ended. */
  readonly id: string;
  /**
   * Its output, from its start (or from after the given sequence number, with `attach`), to its
   * end. One handle's output can be read once. A reader that is too slow loses the oldest chunks:
   * a jump in `sequence` says so.
   *
   * Reading it throws `capacity` if it took too much of the server's memory while it waited. The process
   * runs on; what it writes from then on is dropped, and its result is `truncated`.
   */
  readonly output: AsyncIterable<OutputChunk>;
  /** How it ended. Never rejects: where that is unknown the outcome is `lost`. */
  readonly result: Promise<ProcessResult>;
  /**
   * Write to its standard input. Resolves when the bytes are taken over; after the process ended
   * they are dropped.
   * @throws `invalid-argument` where the process was not started with `stdin: "open"`
   */
  write(data: string | Uint8Array): Promise<void>;
  /** End its standard input. */
  closeStdin(): Promise<void>;
  /**
   * Stop it and all that descends from it; resolves once it ended. Where it ended before, what it
   * left running is stopped and its result stays as it is.
   */
  kill(): Promise<void>;
}

export interface AttachOptions extends OperationOptions {
  /** Ends the attaching, never the process. */
  signal?: AbortSignal;
  /** Go on after this sequence number. @default 0 (all output that is still kept) */
  after?: number;
}

export interface ProcessInfo {
  id: string;
  command: string;
  /** ISO 8601 in UTC. */
  startedAt: string;
  /** `null` while it runs. */
  result: ProcessResult | null;
}
