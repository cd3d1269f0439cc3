import { SandboxError } from "@carrel/backend-protocol";
import type { Call, CallResult, ContainerLife, History } from "./history.ts";

/** Thrown by whoever does a call where the process that served it was killed. */
export class ProcessKilled extends Error {}

/** Writes down what callers do. */
export class HistoryRecorder {
  readonly #calls: Call[] = [];
  readonly #containers = new Map<string, ContainerLife>();

  get history(): History {
    return { calls: this.#calls, containers: [...this.#containers.values()] };
  }

  /**
   * Do a call and write it down, however it ends: failing is for the history to judge. Never rejects.
   */
  async call<T extends string | readonly string[] | null>(
    about: Pick<Call, "operation" | "key" | "caller" | "deadlineMs">,
    work: () => Promise<T>,
  ): Promise<CallResult> {
    const call: Call = {
      ...about,
      startedAtMs: performance.now(),
      endedAtMs: null,
      result: { kind: "error", code: "no answer", message: "" },
    };
    this.#calls.push(call);
    try {
      call.result = { kind: "ok", value: await work() };
    } catch (error) {
      call.result = resultOf(error);
    }
    call.endedAtMs = performance.now();
    return call.result;
  }

  /** What is on the engine now. What was there before and is no longer is gone. */
  observe(containers: readonly { id: string; key: string }[]): void {
    const nowMs = performance.now();
    const present = new Set(containers.map(({ id }) => id));
    for (const life of this.#containers.values()) {
      if (!present.has(life.id)) life.removedAtMs ??= nowMs;
    }
    for (const { id, key } of containers) {
      if (this.#containers.has(id)) continue;
      this.#containers.set(id, { id, key, createdAtMs: nowMs, removedAtMs: null });
    }
  }
}

function resultOf(error: unknown): CallResult {
  if (error instanceof ProcessKilled) return { kind: "unknown" };
  if (SandboxError.isInstance(error)) {
    return { kind: "error", code: error.code, message: error.message };
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { kind: "error", code: `not-a-sandbox-error ${name}`, message };
}
