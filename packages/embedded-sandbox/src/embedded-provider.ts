import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type {
  CreateOptions,
  FindOptions,
  ManagedSandbox,
  MemoryBudget,
  OperationOptions,
  ProviderInfo,
  SandboxProvider,
  SandboxSummary,
} from "@carrel/backend-protocol";
import { EmbeddedSandbox } from "./embedded-sandbox.ts";
import { lockRoot } from "./root-lock.ts";
import { listRecords, SandboxDirectory, sweepRoot } from "./sandbox-directory.ts";

export interface EmbeddedProviderOptions {
  /**
   * Directory on the host that holds the files of all sandboxes; made with mode 0700 where it is
   * missing. One process at a time may use it: another one finds it locked, and gets `unavailable`.
   */
  root: string;
  /** Commands that one sandbox may run at the same time. @default 16 */
  maxProcesses?: number;
  /** JavaScript heap of one command; more is `out-of-memory`. @default 512 MiB */
  commandMemoryBytes?: number;
}

const DEFAULT_MAX_PROCESSES = 16;
const DEFAULT_COMMAND_MEMORY_BYTES = 512 * 1024 * 1024;

const INFO: ProviderInfo = {
  name: "embedded",
  description:
    "Commands run in an emulated shell inside the server process, and files lie in a folder of this machine. A guard against accidents, not a boundary against an attacker.",
  isolation: "process",
};

/** Sandboxes inside this process: no container, nothing to install. */
export function createEmbeddedProvider(options: EmbeddedProviderOptions): SandboxProvider {
  return new EmbeddedProvider(options);
}

class EmbeddedProvider implements SandboxProvider {
  readonly info: ProviderInfo = INFO;
  readonly #root: string;
  readonly #limits: { maxProcesses: number; commandMemoryBytes: number };
  readonly #sandboxes = new Map<string, EmbeddedSandbox>();
  #opened: Promise<void> | undefined;
  #unlock: (() => Promise<void>) | undefined;
  #disposed = false;

  constructor({ root, maxProcesses, commandMemoryBytes }: EmbeddedProviderOptions) {
    this.#root = resolve(root);
    this.#limits = {
      maxProcesses: maxProcesses ?? DEFAULT_MAX_PROCESSES,
      commandMemoryBytes: commandMemoryBytes ?? DEFAULT_COMMAND_MEMORY_BYTES,
    };
  }

  async create(key: string, options?: CreateOptions): Promise<ManagedSandbox> {
    const directory = new SandboxDirectory(this.#root, key);
    await this.#open(options);
    const { id } = await directory.create();
    const sandbox = this.#adopt(id, directory, options?.memory);
    await sandbox.resume();
    return sandbox;
  }

  async find(key: string, options?: FindOptions): Promise<ManagedSandbox | null> {
    const directory = new SandboxDirectory(this.#root, key);
    await this.#open(options);
    const record = await directory.record();
    return record && this.#adopt(record.id, directory, options?.memory);
  }

  async list(options?: OperationOptions): Promise<SandboxSummary[]> {
    await this.#open(options);
    const records = await listRecords(this.#root);
    return Promise.all(
      records.map(async ({ key, id }) => {
        const status = (await this.#sandboxes.get(id)?.status()) ?? "stopped";
        return { key, id, status };
      }),
    );
  }

  async remove(key: string, options?: OperationOptions): Promise<boolean> {
    const sandbox = await this.find(key, options);
    await sandbox?.destroy();
    return sandbox !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#opened?.catch(() => undefined); // its caller heard of it
    await Promise.all([...this.#sandboxes.values()].map((sandbox) => sandbox.stop()));
    await this.#unlock?.();
  }

  #open(options: OperationOptions = {}): Promise<void> {
    throwIfAborted(options.signal);
    if (this.#disposed) {
      throw new SandboxError({
        code: "unavailable",
        message: "This provider was disposed; make a new one.",
      });
    }
    this.#opened ??= this.#openRoot().catch((error: unknown) => {
      this.#opened = undefined;
      if (SandboxError.isInstance(error)) throw error;
      throw new SandboxError({
        code: "unavailable",
        message: "The folder for sandboxes cannot be opened; check that it can be written.",
        cause: error,
      });
    });
    return this.#opened;
  }

  async #openRoot(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    this.#unlock = await lockRoot(this.#root);
    await sweepRoot(this.#root);
  }

  /** One object per sandbox, so that all its callers see the same processes. */
  #adopt(id: string, directory: SandboxDirectory, memory?: MemoryBudget): EmbeddedSandbox {
    const known = this.#sandboxes.get(id);
    if (known) return known;
    const onDestroyed = (): void => void this.#sandboxes.delete(id);
    const sandbox = new EmbeddedSandbox({ id, directory, onDestroyed, memory, ...this.#limits });
    this.#sandboxes.set(id, sandbox);
    return sandbox;
  }
}
