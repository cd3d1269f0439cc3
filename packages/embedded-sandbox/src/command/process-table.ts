import type {
  AttachOptions,
  MemoryBudget,
  ProcessHandle,
  ProcessInfo,
} from "@carrel/backend-protocol";
import { SandboxError, requireWholeNumber } from "@carrel/backend-protocol";
import type { Mount } from "../mounts.ts";
import { CommandProcess } from "./command-process.ts";
import type { CheckedSpawn } from "./spawn-options.ts";
import { ThreadPool } from "../thread-pool.ts";

/** Ended processes that stay known, as the protocol promises. */
const KEPT_PROCESSES = 100;
/** What the output of ended processes that stays readable takes in memory, all together. */
const KEPT_OUTPUT_BYTES = 4 * 1024 * 1024;

export interface ProcessTableOptions {
  mounts: readonly Mount[];
  /** Commands that may run at the same time. */
  maxProcesses: number;
  /** JavaScript heap of one command. */
  commandMemoryBytes: number;
  /** The budget in which the output of its commands counts. */
  memory: MemoryBudget;
}

/** The commands of one sandbox: those that run, and the last ones that ended. */
export class ProcessTable {
  readonly #options: ProcessTableOptions;
  readonly #processes = new Map<string, CommandProcess>();
  readonly #threads: ThreadPool;

  constructor(options: ProcessTableOptions) {
    this.#options = options;
    this.#threads = new ThreadPool("command/command-worker", {
      name: "carrel-command",
      memoryBytes: options.commandMemoryBytes,
    });
  }

  get runningCount(): number {
    return [...this.#processes.values()].filter((process) => process.running).length;
  }

  get limit(): number {
    return this.#options.maxProcesses;
  }

  start(command: string, spawn: CheckedSpawn): ProcessHandle {
    this.#requireFreePlace();
    const surroundings = { threads: this.#threads, memory: this.#options.memory };
    const process = new CommandProcess(command, surroundings, spawn);
    this.#processes.set(process.id, process);
    void process.result.then(() => this.#forgetOldest());
    process.run(this.#options.mounts);
    return handle(process, 0);
  }

  list(): ProcessInfo[] {
    return [...this.#processes.values()].map((process) => process.info());
  }

  attach(processId: string, { after = 0 }: AttachOptions): ProcessHandle {
    requireWholeNumber("after", after, { minimum: 0 });
    const process = this.#processes.get(processId);
    if (process) return handle(process, after);
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
      bytes += process.log.costBytes;
      if (bytes > KEPT_OUTPUT_BYTES) process.log.clear();
    }
  }
}

function handle(process: CommandProcess, after: number): ProcessHandle {
  return {
    id: process.id,
    output: process.log.read(after),
    result: process.result,
    write: (data) => process.input.write(data),
    closeStdin: () => process.input.close(),
    kill: () => process.stop("cancelled"),
  };
}
