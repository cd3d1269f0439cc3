import { SandboxError } from "@carrel/backend-protocol";
import type { ExecuteResult, ManagedSandbox, SandboxProvider } from "@carrel/backend-protocol";
import { override, withSandboxes } from "./provider-doubles.ts";
import type { Random } from "./random.ts";

export interface ErraticOptions {
  random: Random;
  /** How often making, waking, stopping and deleting fails, 0 to 1. */
  failureRate: number;
}

/** What happened in the engine, for those who check it afterwards. */
export interface EngineLog {
  /** How often a sandbox of this key was made. */
  created: Map<string, number>;
  /** How often one was to be made that was there, and that nobody had given up making. */
  collisions: number;
  /** How often the sandbox of this key was stopped. */
  stopped: Map<string, number>;
  /** While set, nothing fails. */
  calm: boolean;
}

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
const LOST: ExecuteResult = { ...EXITED, outcome: "lost", exitCode: null };

/** Takes its time with everything, never the same, and fails now and then. */
export function erraticProvider(
  provider: SandboxProvider,
  { random, failureRate }: ErraticOptions,
  log: EngineLog,
): SandboxProvider {
  const step = async <T>(work: () => Promise<T>, mayFail = false): Promise<T> => {
    await random.yield();
    if (mayFail && !log.calm && random.chance(failureRate)) {
      throw new SandboxError({ code: "unavailable", message: "It fails on purpose." });
    }
    const value = await work();
    await random.yield();
    return value;
  };
  const givenUp = new Set<string>();
  const stops = (key: string): number => log.stopped.get(key) ?? 0;
  const slow = withSandboxes(provider, (sandbox: ManagedSandbox) => ({
    status: () => step(() => sandbox.status()),
    resume: (options) => step(() => sandbox.resume(options), true),
    stop: (options) =>
      step(() => {
        log.stopped.set(sandbox.key, stops(sandbox.key) + 1);
        return sandbox.stop(options);
      }, true),
    processes: (options) => step(() => sandbox.processes(options)),
    // Costs nothing and tells the same as a real command: whether it ran to its end undisturbed.
    execute: async () => {
      await sandbox.stat(".");
      const before = stops(sandbox.key);
      for (let turn = 0; turn < 5; turn++) await random.yield();
      return stops(sandbox.key) === before ? EXITED : LOST;
    },
    stat: (path, options) => step(() => sandbox.stat(path, options)),
    write: (path, content, options) => step(() => sandbox.write(path, content, options)),
    edit: (path, before, after, options) => step(() => sandbox.edit(path, before, after, options)),
  }));
  return override(slow, {
    find: (key, options) => step(() => slow.find(key, options)),
    remove: (key, options) => step(() => slow.remove(key, options), true),
    create: async (key, options) => {
      options?.signal?.addEventListener("abort", () => givenUp.add(key), { once: true });
      try {
        const sandbox = await step(() => slow.create(key, options), true);
        log.created.set(key, (log.created.get(key) ?? 0) + 1);
        return sandbox;
      } catch (error) {
        const exists = SandboxError.isInstance(error) && error.code === "already-exists";
        if (exists && !givenUp.has(key)) log.collisions += 1;
        throw error;
      }
    },
  });
}
