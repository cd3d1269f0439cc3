import type { OperationOptions } from "./files.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * | status | files | processes | a call of `Sandbox` |
 * |---|---|---|---|
 * | `running` | there | run | works |
 * | `paused` | there | frozen | throws `unavailable`: `resume` first |
 * | `stopped` | there | none | throws `unavailable`: `resume` first |
 * | `gone` | deleted, or belong to a later sandbox | none | throws `gone` |
 */
export type SandboxStatus = "running" | "paused" | "stopped" | "gone";

/** What a sandbox uses now. `null`: this kind of sandbox cannot tell, or has no such limit. */
export interface SandboxUsage {
  memoryBytes: number | null;
  memoryLimitBytes: number | null;
  /** Processor time since the sandbox started. */
  cpuMs: number | null;
  processCount: number | null;
  processLimit: number | null;
  /** What the user's files take on disk; `null` also where that was not asked for. */
  diskBytes: number | null;
  diskLimitBytes: number | null;
}

export interface UsageOptions extends OperationOptions {
  /**
   * Whether to count what the files take. That reads the whole tree, often by a program inside the
   * sandbox, whose processor time counts as the sandbox's; `false`: nothing is run inside.
   * @default true
   */
  disk?: boolean;
}

/**
 * A sandbox with its life: for whoever owns it. Never hand this to a tool; hand it
 * {@link narrowSandbox}. All methods are idempotent; calls at the same time are done in order.
 */
export interface ManagedSandbox extends Sandbox {
  /** The key that the provider made it for. */
  readonly key: string;
  /** Asks the engine, so that the answer is true now; throws `unavailable` where it cannot. */
  status(options?: OperationOptions): Promise<SandboxStatus>;
  /** @throws `gone`, `unavailable` */
  usage(options?: UsageOptions): Promise<SandboxUsage>;
  /** Freeze its processes and keep them in memory. Absent where the sandbox cannot. */
  pause?(options?: OperationOptions): Promise<void>;
  /** Make a paused or stopped sandbox run again, with its files. @throws `gone`, `unavailable` */
  resume(options?: OperationOptions): Promise<void>;
  /**
   * End its processes, which are then `lost`, and free its memory; keep its files. Does nothing to
   * one that is stopped or gone.
   */
  stop(options?: OperationOptions): Promise<void>;
  /** Stop it and delete it with its files. Does nothing to one that is gone. */
  destroy(options?: OperationOptions): Promise<void>;
  /** The same as `stop`: leaving a scope never deletes what a user made. */
  [Symbol.asyncDispose](): Promise<void>;
}
