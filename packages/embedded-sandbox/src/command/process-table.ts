import type { AttachOptions, ProcessHandle, ProcessInfo } from "@carrel/backend-protocol";
import { SandboxError } from "@carrel/backend-protocol";
import type { Mount } from "../mounts.ts";
import { CommandProcess } from "./command-process.ts";
import type { CheckedSpawn } from "./spawn-options.ts";
import { ThreadPool } from "./thread-pool.ts";

/** Ended processes that stay known, as the protocol promises. */
const KEPT_PROCESSES = 100;
/** Output of ended processes that stays readable, all together. */
const KEPT_OUTPUT_BYTES = 4 * 1024 * 1024;

export interface ProcessTableOptions {
  mounts: readonly Mount[];
  /** Commands that may run at the same time. */
  maxProcesses: number;
  /** JavaScript heap of one command. */
  commandMemoryBytes: number;
}

/** The commands of one sandbox: those that run, and the last ones that ended. */
export class ProcessTable {
  readonly #options: ProcessTableOptions;
  readonly #processes = new Map<string, CommandProcess>();
  readonly #threads: ThreadPool;

  constructor(options: ProcessTableOptions) {
    this.#options = options;
    this.#threads = new ThreadPool(options.commandMemoryBytes);
  }

  get runningCount(): number {
    return [...this.#processes.values()].filter((process) => process.running).length;
  }

  get limit(): number {
    return this.#options.maxProcesses;
  }

  start(command: string, spawn: CheckedSpawn): ProcessHandle {
    this.#requireFreePlace();
    const { timeoutMs, signal, stdin, ...rest } = spawn;
    const process = new CommandProcess(command, this.#threads, { timeoutMs, signal });
    this.#processes.set(process.id, process);
    void process.result.then(() => this.#forgetOldest());
    const job = { command, ...rest, mounts: this.#options.mounts };
    if (stdin !== "open") {
      process.run({ ...job, stdin });
      return handle(process, 0, closedInput);
    }
    // The interpreter takes its input whole: the command starts when the input is complete.
    return handle(process, 0, new PendingInput((input) => process.run({ ...job, stdin: input })));
  }

  list(): ProcessInfo[] {
    return [...this.#processes.values()].map((process) => process.info());
  }

  attach(processId: string, { after = 0 }: AttachOptions): ProcessHandle {
    const process = this.#processes.get(processId);
    if (process) return handle(process, after, closedInput);
    throw new SandboxError({
      code: "not-found",
      message: `There is no process ${JSON.stringify(processId)}; see the list of processes.`,
    });
  }

  /** End all that runs; what callers wait for becomes `lost`. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => process.stop("lost")));
    this.#processes.clear();
    await this.#threads.endIdle();
  }

  #requireFreePlace(): void {
    if (this.runningCount < this.#options.maxProcesses) return;
    throw new SandboxError({
      code: "process-limit",
      message: `${this.#options.maxProcesses} commands run in this sandbox already; wait for one to end, or stop one.`,
    });
  }

  #forgetOldest(): void {
    const ended = [...this.#processes.values()].filter((process) => !process.running);
    for (const process of ended.slice(0, -KEPT_PROCESSES)) this.#processes.delete(process.id);
    let bytes = 0;
    for (const process of ended.reverse()) {
      bytes += process.log.byteLength;
      if (bytes > KEPT_OUTPUT_BYTES) process.log.clear();
    }
  }
}

type Input = Pick<ProcessHandle, "write" | "closeStdin">;

function handle(process: CommandProcess, after: number, input: Input): ProcessHandle {
  return {
    id: process.id,
    output: process.read(after),
    result: process.result,
    write: (data) => input.write(data),
    closeStdin: () => input.closeStdin(),
    kill: () => process.stop("cancelled"),
  };
}

const closedInput: Input = {
  async write() {
    throw new SandboxError({
      code: "invalid-argument",
      message: 'The standard input of this process is closed; start it with stdin: "open".',
    });
  },
  async closeStdin() {
    // It is closed from the start.
  },
};

/** Most input that is gathered before a command starts. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

class PendingInput implements Input {
  readonly #start: (input: Uint8Array) => void;
  #parts: Uint8Array[] | null = [];
  #byteLength = 0;

  constructor(start: (input: Uint8Array) => void) {
    this.#start = start;
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data.slice();
    this.#byteLength += bytes.length;
    if (this.#byteLength > MAX_INPUT_BYTES) {
      throw new SandboxError({
        code: "too-large",
        message: `A command takes at most ${MAX_INPUT_BYTES} bytes of input here; put it in a file.`,
      });
    }
    this.#parts?.push(bytes);
  }

  async closeStdin(): Promise<void> {
    const parts = this.#parts;
    this.#parts = null;
    if (parts) this.#start(Buffer.concat(parts));
  }
}
