import { SandboxError } from "@carrel/backend-protocol";
import type {
  ExecuteResult,
  ManagedSandbox,
  ProviderInfo,
  SandboxProvider,
  SandboxStatus,
  SandboxSummary,
  StartProgress,
} from "@carrel/backend-protocol";

const DISK_USAGE_CPU_MS = 100;

const INFO: ProviderInfo = { name: "fake", description: "Nothing runs.", isolation: "process" };

const EXITED: ExecuteResult = {
  outcome: "exited",
  exitCode: 0,
  signal: null,
  truncated: false,
  durationMs: 0,
  stdout: "",
  stderr: "",
  output: "",
};

interface Machine {
  id: string;
  status: SandboxStatus;
}

/**
 * An engine in memory that can do what the embedded sandboxes cannot: freeze, tell processor time,
 * hand out sandboxes that were made beforehand, and give up all but the files. It costs nothing, so
 * that there can be thousands.
 */
export class FakeProvider implements SandboxProvider {
  readonly info: ProviderInfo = INFO;
  readonly machines: Map<string, Machine> = new Map();
  /** By key, names of files; they outlive a discarded sandbox. */
  readonly files: Map<string, Set<string>> = new Map();
  /** By key, processor time so far. */
  readonly cpuMs: Map<string, number> = new Map();
  /** What `create` tells on its way. */
  progress: StartProgress[] = [];
  /** Called before a sandbox is made. */
  beforeCreate: (key: string, onProgress?: (progress: StartProgress) => void) => Promise<void> =
    async () => {};
  #serial = 0;

  statuses(): Record<string, SandboxStatus> {
    return Object.fromEntries([...this.machines].map(([key, { status }]) => [key, status]));
  }

  async create(
    key: string,
    options: Parameters<SandboxProvider["create"]>[1] = {},
  ): Promise<ManagedSandbox> {
    for (const progress of this.progress) options.onProgress?.(progress);
    await this.beforeCreate(key, options.onProgress);
    if (this.machines.has(key)) {
      throw new SandboxError({ code: "already-exists", message: "It exists." });
    }
    const machine: Machine = { id: `fake-${++this.#serial}`, status: "running" };
    this.machines.set(key, machine);
    if (!this.files.has(key)) this.files.set(key, new Set());
    return this.#sandbox(key, machine);
  }

  async find(key: string): Promise<ManagedSandbox | null> {
    const machine = this.machines.get(key);
    return machine ? this.#sandbox(key, machine) : null;
  }

  async list(): Promise<SandboxSummary[]> {
    return [...this.machines].map(([key, { id, status }]) => ({ key, id, status }));
  }

  async remove(key: string): Promise<boolean> {
    const machine = this.machines.get(key);
    if (machine) machine.status = "gone";
    this.machines.delete(key);
    return this.files.delete(key);
  }

  async discard(key: string): Promise<boolean> {
    const machine = this.machines.get(key);
    if (machine?.status !== "stopped") return false;
    machine.status = "gone";
    return this.machines.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #sandbox(key: string, machine: Machine): ManagedSandbox {
    const running = (): void => {
      if (machine.status === "gone") throw new SandboxError({ code: "gone", message: "Gone." });
      if (machine.status === "running") return;
      throw new SandboxError({ code: "unavailable", message: `It is ${machine.status}.` });
    };
    const become = (status: SandboxStatus) => async (): Promise<void> => {
      if (machine.status !== "gone") machine.status = status;
      else if (status === "running") running();
    };
    const unsupported = async (): Promise<never> => {
      running();
      throw new SandboxError({ code: "unsupported", message: "A fake has no such thing." });
    };
    return {
      id: machine.id,
      key,
      workDir: "/workspace",
      status: async () => machine.status,
      usage: async ({ disk = true } = {}) => {
        // As in a container: the program that counts the files takes its time in the sandbox.
        if (disk) this.cpuMs.set(key, (this.cpuMs.get(key) ?? 0) + DISK_USAGE_CPU_MS);
        return {
          memoryBytes: null,
          memoryLimitBytes: null,
          cpuMs: this.cpuMs.get(key) ?? 0,
          processCount: null,
          processLimit: null,
          diskBytes: null,
          diskLimitBytes: null,
        };
      },
      pause: become("paused"),
      resume: become("running"),
      stop: become("stopped"),
      destroy: async () => void (await this.remove(key)),
      [Symbol.asyncDispose]: become("stopped"),
      processes: async () => {
        running();
        return [];
      },
      execute: async () => {
        running();
        return EXITED;
      },
      write: async (path) => {
        running();
        this.files.get(key)?.add(path);
        return { path, hash: "", sizeBytes: 0, created: true };
      },
      stat: async (path) => {
        running();
        if (!this.files.get(key)?.has(path)) return null;
        return {
          path,
          name: path,
          type: "file",
          sizeBytes: 0,
          mode: 0o644,
          modifiedAt: new Date(0).toISOString(),
        };
      },
      ls: unsupported,
      read: unsupported,
      readLines: unsupported,
      edit: unsupported,
      remove: unsupported,
      move: unsupported,
      mkdir: unsupported,
      glob: unsupported,
      grep: unsupported,
      readStream: unsupported,
      archive: unsupported,
      spawn: unsupported,
      attach: unsupported,
    };
  }
}
