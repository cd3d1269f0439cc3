import type { OperationOptions } from "./files.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ManagedSandbox, SandboxStatus } from "./managed-sandbox.ts";

export interface SandboxSummary {
  key: string;
  /** {@link Sandbox.id} */
  id: string;
  status: SandboxStatus;
}

/** How far a sandbox that is being made has come, for a page to show. */
export interface StartProgress {
  /**
   * | phase | what goes on |
   * |---|---|
   * | `pulling` | its image is fetched |
   * | `building` | its image is built |
   * | `creating` | it is made |
   * | `claiming` | one that was made beforehand is taken; only then |
   * | `starting` | it starts |
   */
  phase: "pulling" | "building" | "creating" | "claiming" | "starting";
  /** For people; without secrets and without paths of the host. */
  detail?: string;
}

export interface FindOptions extends OperationOptions {
  /**
   * What this process keeps in memory for the sandbox counts against this budget: output, answers and
   * listings that wait to be read. Callers who share a sandbox share the budget of the first one.
   * @default a budget of the sandbox's own
   */
  memory?: MemoryBudget;
}

export interface CreateOptions extends FindOptions {
  /**
   * Called at each step that takes time; in order, but none is promised, and one may come twice.
   * Not called any more once `create` settled. What it throws is the caller's own mistake.
   */
  onProgress?: (progress: StartProgress) => void;
}

/** What a kind of sandbox promises, for people to read and for servers to decide by. */
export interface ProviderInfo {
  /** `docker`, `embedded`, … */
  name: string;
  /** One sentence for users: what runs, and how it is isolated. */
  description: string;
  /**
   * `container` and stronger: made for hostile code. `process`: a guard against accidents and
   * curiosity, not a boundary against an attacker.
   */
  isolation: "process" | "container" | "virtual-machine";
}

/**
 * Makes, finds, lists and removes the sandboxes of one installation by key. A key has at most one
 * sandbox, also among several providers of one installation at the same time.
 *
 * A key is any string of 1 to 512 bytes of UTF-8 without NUL; it names a user or a session to the
 * caller. Providers derive names from its hash, so that it never becomes part of a path, a label
 * or a log. Two keys that differ in any byte are two sandboxes.
 */
export interface SandboxProvider extends AsyncDisposable {
  readonly info: ProviderInfo;

  /**
   * Make the sandbox of this key and start it. Where the engine lost a sandbox but not its files
   * (a container that was removed by hand), they are there. A call that was aborted or timed out may
   * still have made it: `find` tells.
   * @throws `already-exists` (a sandbox of this key runs, is paused or is stopped: `find` it), `capacity`, `unavailable`, `invalid-argument` (the key)
   */
  create(key: string, options?: CreateOptions): Promise<ManagedSandbox>;

  /** The sandbox of this key, whatever its status, or `null` where none was made. */
  find(key: string, options?: FindOptions): Promise<ManagedSandbox | null>;

  /** All sandboxes of this installation that run, are paused or are stopped. */
  list(options?: OperationOptions): Promise<SandboxSummary[]>;

  /**
   * Destroy the sandbox of this key with its files, also files that a discarded or lost one left.
   * `false` where there was nothing.
   */
  remove(key: string, options?: OperationOptions): Promise<boolean>;

  /**
   * Remove what a stopped sandbox takes beside its files (a container, say); `find` then gives
   * `null` and handles of it are `gone`. The files stay, and the next `create` of the key has them.
   * Absent where a stopped sandbox takes nothing else.
   * @returns `false`, and nothing was done, where there is none or it runs or is paused
   */
  discard?(key: string, options?: OperationOptions): Promise<boolean>;

  /** Close connections and stop what lives inside this process. Sandboxes of an engine run on. */
  [Symbol.asyncDispose](): Promise<void>;
}
