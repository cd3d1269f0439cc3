import type { Worker } from "node:worker_threads";
import type { MemoryBudget, ProcessInfo, ProcessResult } from "@carrel/backend-protocol";
import { performance } from "node:perf_hooks";
import { randomBytes } from "node:crypto";
import type { Mount } from "../mounts.ts";
import type { CommandJob, CommandMessage } from "./command-job.ts";
import { CommandInput } from "./command-input.ts";
import { OutputLog } from "./output-log.ts";
import type { CheckedSpawn } from "./spawn-options.ts";
import { endThread, stopListening } from "../end-thread.ts";
import type { ThreadPool } from "../thread-pool.ts";

/** What the commands of a sandbox have in common. */
export interface CommandSurroundings {
  threads: ThreadPool;
  /** The budget in which their output counts. */
  memory: MemoryBudget;
}

/** One command, in a worker thread of its own, from its start to its result. */
export class CommandProcess {
  readonly id: string = randomBytes(8).toString("hex");
  readonly log: OutputLog;
  readonly result: Promise<ProcessResult>;
  readonly #settle: (result: ProcessResult) => void;
  readonly #startedAt = new Date();
  readonly #startedMs = performance.now();
  readonly #spawn: CheckedSpawn;
  readonly #threads: ThreadPool;
  readonly #timer: NodeJS.Timeout;
  readonly #stopOnAbort = (): void => void this.stop("cancelled");
  readonly command: string;
  readonly input: CommandInput;
  #worker: Worker | undefined;
  #ending: Promise<void> | undefined;
  #finished: ProcessResult | null = null;

  constructor(command: string, { threads, memory }: CommandSurroundings, spawn: CheckedSpawn) {
    this.command = command;
    this.log = new OutputLog(memory);
    this.#threads = threads;
    this.#spawn = spawn;
    this.input = new CommandInput(spawn.stdin);
    const { promise, resolve } = Promise.withResolvers<ProcessResult>();
    this.result = promise;
    this.#settle = resolve;
    this.#timer = setTimeout(() => void this.stop("timed-out"), spawn.timeoutMs);
    spawn.signal?.addEventListener("abort", this.#stopOnAbort, { once: true });
  }

  get running(): boolean {
    return this.#finished === null;
  }

  /** Run it as soon as its input is complete. One that was stopped before that is not run. */
  run(mounts: readonly Mount[]): void {
    void this.input.whole.then((stdin) => {
      if (!this.#ending) this.#runThread({ ...this.#job(mounts), stdin });
    });
  }

  #job(mounts: readonly Mount[]): Omit<CommandJob, "stdin"> {
    const { cwd, env, maxOutputBytes } = this.#spawn;
    return { command: this.command, cwd, env, maxOutputBytes, mounts };
  }

  #runThread(job: CommandJob): void {
    const worker = this.#threads.take();
    this.#worker = worker;
    worker.on("message", (message: CommandMessage) => this.#hear(message));
    worker.on("error", (error) => void this.stop(isOutOfMemory(error) ? "out-of-memory" : "lost"));
    worker.on("exit", () => void this.stop("lost"));
    worker.postMessage(job);
  }

  /** End it now; resolves when its thread is gone and its result is settled. */
  stop(outcome: Exclude<ProcessResult["outcome"], "exited">): Promise<void> {
    return this.#end({ outcome, exitCode: null });
  }

  info(): ProcessInfo {
    const startedAt = this.#startedAt.toISOString();
    return { id: this.id, command: this.command, startedAt, result: this.#finished };
  }

  #hear(message: CommandMessage): void {
    if (this.#ending) return;
    if (message.type === "output") this.log.append(message.stream, message.data);
    else if (message.type === "output-limit") void this.stop("output-limit");
    else void this.#end({ outcome: "exited", exitCode: message.exitCode });
  }

  #end(how: Pick<ProcessResult, "outcome" | "exitCode">): Promise<void> {
    this.#ending ??= this.#finish(how);
    return this.#ending;
  }

  async #finish(how: Pick<ProcessResult, "outcome" | "exitCode">): Promise<void> {
    clearTimeout(this.#timer);
    this.#spawn.signal?.removeEventListener("abort", this.#stopOnAbort);
    await this.input.close();
    await this.#leaveThread(how.outcome);
    const durationMs = Math.round(performance.now() - this.#startedMs);
    const truncated = how.outcome === "output-limit" || this.log.failure !== null;
    this.#finished = { ...how, signal: null, truncated, durationMs };
    this.log.close();
    this.#settle(this.#finished);
  }

  /** A thread whose command ended by itself can run the next; any other is ended with it. */
  async #leaveThread(outcome: ProcessResult["outcome"]): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    stopListening(worker);
    if (outcome === "exited") await this.#threads.giveBack(worker);
    else await endThread(worker);
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}
