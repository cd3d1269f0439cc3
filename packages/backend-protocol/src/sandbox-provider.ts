import type { OperationOptions } from "./files.ts";
import type { ManagedSandbox, SandboxStatus } from "./managed-sandbox.ts";

export interface SandboxSummary {
  key: string;
  /** {@link Sandbox.id} */
  id: string;
  status: SandboxStatus;
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
  create(key: string, options?: OperationOptions): Promise<ManagedSandbox>;

  /** The sandbox of this key, whatever its status, or `null` where none was made. */
  find(key: string, options?: OperationOptions): Promise<ManagedSandbox | null>;

  /** All sandboxes of this installation that run, are paused or are stopped. */
  list(options?: OperationOptions): Promise<SandboxSummary[]>;

  /** Destroy the sandbox of this key with its files. `false` where none was made. */
  remove(key: string, options?: OperationOptions): Promise<boolean>;

  /** Close connections and stop what lives inside this process. Sandboxes of an engine run on. */
  [Symbol.asyncDispose](): Promise<void>;
}
