import {
  MemoryBudget,
  MemoryMeter,
  SandboxError,
  collectProcess,
  throwIfAborted,
} from "@carrel/backend-protocol";
import type {
  AttachOptions,
  EditOptions,
  EditResult,
  ExecuteOptions,
  ExecuteResult,
  FileContent,
  FileInfo,
  GlobOptions,
  GlobResult,
  GrepOptions,
  GrepResult,
  LineRange,
  ListOptions,
  ManagedSandbox,
  MoveOptions,
  OperationOptions,
  ProcessHandle,
  ProcessInfo,
  ReadLinesOptions,
  ReadOptions,
  RemoveOptions,
  SandboxStatus,
  SandboxUsage,
  UsageOptions,
  SpawnOptions,
  WriteOptions,
  WriteResult,
} from "@carrel/backend-protocol";
import { ProcessTable } from "./command/process-table.ts";
import type { ProcessTableOptions } from "./command/process-table.ts";
import { checkSpawn } from "./command/spawn-options.ts";
import { archive } from "./files/archive.ts";
import { mkdir, move, remove } from "./files/arrange.ts";
import { diskUsage } from "./files/disk-usage.ts";
import { edit } from "./files/edit.ts";
import { FileTree } from "./files/file-tree.ts";
import { ls, stat } from "./files/list.ts";
import { read, readStream } from "./files/read.ts";
import { readLines } from "./files/read-lines.ts";
import { Serialiser } from "./files/serialise.ts";
import { write } from "./files/write.ts";
import { WORK_DIR } from "./mounts.ts";
import type { SandboxDirectory } from "./sandbox-directory.ts";
import { glob, grep, SearchThreads } from "./search/search.ts";

/**
 * What one sandbox may hold in memory of what its commands write: the most output that one may write,
 * 64 MiB, with as much for all others.
 */
const MEMORY_BYTES = 128 * 1024 * 1024;

export interface EmbeddedSandboxOptions extends Omit<ProcessTableOptions, "mounts" | "memory"> {
  id: string;
  /** What the sandbox holds, 128 MiB at most, counts in this budget too. @default in none */
  memory?: MemoryBudget | undefined;
  directory: SandboxDirectory;
  /** Called when it is destroyed, so that its provider forgets it. */
  onDestroyed: () => void;
}

/** A sandbox in this process: its files lie in a directory, its commands run in worker threads. */
export class EmbeddedSandbox implements ManagedSandbox {
  readonly id: string;
  readonly key: string;
  readonly workDir: string = WORK_DIR;
  readonly #memory: MemoryBudget;
  readonly #directory: SandboxDirectory;
  readonly #tree: FileTree;
  readonly #processes: ProcessTable;
  readonly #searches = new SearchThreads();
  readonly #commits = new Serialiser();
  readonly #transitions = new Serialiser();
  readonly #onDestroyed: () => void;
  #status: SandboxStatus = "stopped";
  #wasRunning = false;

  constructor({ id, directory, onDestroyed, memory: parent, ...limits }: EmbeddedSandboxOptions) {
    const memory = { name: "The sandbox", limitBytes: MEMORY_BYTES, ...(parent && { parent }) };
    this.#memory = new MemoryBudget(memory);
    this.id = id;
    this.key = directory.key;
    this.#directory = directory;
    this.#tree = new FileTree({ workDir: WORK_DIR, ...directory.places });
    this.#processes = new ProcessTable({
      ...limits,
      mounts: directory.mounts,
      memory: this.#memory,
    });
    this.#onDestroyed = onDestroyed;
  }

  async stat(path: string, options?: OperationOptions): Promise<FileInfo | null> {
    return stat(this.#running(), path, options);
  }

  async ls(path: string, options?: ListOptions): Promise<FileInfo[]> {
    using memory = new MemoryMeter(this.#memory);
    return await ls(this.#running(), path, { ...options, memory });
  }

  async read(path: string, options?: ReadOptions): Promise<Uint8Array | null> {
    return read(this.#running(), path, options);
  }

  async readLines(path: string, options?: ReadLinesOptions): Promise<LineRange | null> {
    return readLines(this.#running(), path, options);
  }

  async write(path: string, content: FileContent, options?: WriteOptions): Promise<WriteResult> {
    return write(this.#running(), this.#commits, path, { ...options, content });
  }

  async edit(
    path: string,
    oldText: string,
    newText: string,
    options?: EditOptions,
  ): Promise<EditResult> {
    return edit(this.#running(), this.#commits, path, { ...options, oldText, newText });
  }

  async remove(path: string, options?: RemoveOptions): Promise<boolean> {
    return remove(this.#running(), path, options);
  }

  async move(from: string, to: string, options?: MoveOptions): Promise<void> {
    return move(this.#running(), this.#commits, from, { ...options, to });
  }

  async mkdir(path: string, options?: OperationOptions): Promise<void> {
    return mkdir(this.#running(), path, options);
  }

  async glob(pattern: string, options?: GlobOptions): Promise<GlobResult> {
    return glob({ tree: this.#running(), threads: this.#searches }, pattern, options);
  }

  async grep(pattern: string, options?: GrepOptions): Promise<GrepResult> {
    return grep({ tree: this.#running(), threads: this.#searches }, pattern, options);
  }

  async readStream(path: string, options?: OperationOptions): Promise<ReadableStream<Uint8Array>> {
    return readStream(this.#running(), path, options);
  }

  async archive(path: string, options?: OperationOptions): Promise<ReadableStream<Uint8Array>> {
    return archive(this.#running(), path, options);
  }

  async execute(command: string, options?: ExecuteOptions): Promise<ExecuteResult> {
    return collectProcess(await this.spawn(command, options), { memory: this.#memory });
  }

  async spawn(command: string, options: SpawnOptions = {}): Promise<ProcessHandle> {
    throwIfAborted(options.signal);
    const checked = await checkSpawn(this.#running(), command, options);
    throwIfAborted(options.signal);
    this.#running();
    return this.#processes.start(command, checked);
  }

  async processes(options?: OperationOptions): Promise<ProcessInfo[]> {
    throwIfAborted(options?.signal);
    this.#running();
    return this.#processes.list();
  }

  async attach(processId: string, options: AttachOptions = {}): Promise<ProcessHandle> {
    throwIfAborted(options.signal);
    this.#running();
    return this.#processes.attach(processId, options);
  }

  async status(): Promise<SandboxStatus> {
    if (this.#status !== "gone" && (await this.#directory.record())?.id !== this.id) {
      this.#status = "gone";
      await this.#endThreads();
      this.#onDestroyed();
    }
    return this.#status;
  }

  async usage({ signal, disk = true }: UsageOptions = {}): Promise<SandboxUsage> {
    throwIfAborted(signal);
    if (this.#status === "gone") throw this.#gone();
    return {
      memoryBytes: null,
      memoryLimitBytes: null,
      cpuMs: null,
      processCount: this.#processes.runningCount,
      processLimit: this.#processes.limit,
      diskBytes: disk ? await diskUsage(this.#directory.mounts, signal) : null,
      diskLimitBytes: null,
    };
  }

  resume(options?: OperationOptions): Promise<void> {
    return this.#transitions.run(async () => {
      throwIfAborted(options?.signal);
      if ((await this.status()) === "gone") throw this.#gone();
      if (this.#status === "running") return;
      // Later an operation from before a stop may still be writing one.
      if (!this.#wasRunning) await this.#directory.clearDrafts();
      await this.#directory.makeDirectories();
      this.#wasRunning = true;
      this.#status = "running";
    });
  }

  stop(options?: OperationOptions): Promise<void> {
    return this.#transitions.run(async () => {
      throwIfAborted(options?.signal);
      if (this.#status !== "running") return;
      this.#status = "stopped";
      await this.#endThreads();
      await this.#directory.clearTemporary();
    });
  }

  destroy(options?: OperationOptions): Promise<void> {
    return this.#transitions.run(async () => {
      throwIfAborted(options?.signal);
      if ((await this.status()) === "gone") return;
      this.#status = "gone";
      await this.#endThreads();
      await this.#directory.delete();
      this.#onDestroyed();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #endThreads(): Promise<void> {
    await Promise.all([this.#processes.stopAll(), this.#searches.pool.endIdle()]);
  }

  #running(): FileTree {
    if (this.#status === "running") return this.#tree;
    if (this.#status === "gone") throw this.#gone();
    throw new SandboxError({
      code: "unavailable",
      message: "This sandbox is stopped; resume it first.",
    });
  }

  #gone(): SandboxError {
    return new SandboxError({ code: "gone", message: "This sandbox no longer exists." });
  }
}
