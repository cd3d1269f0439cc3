import { Worker } from "node:worker_threads";

export interface ThreadOptions {
  /** Shown by debuggers and `ps`. */
  name: string;
  /** JavaScript heap at which the thread is ended. */
  memoryBytes: number;
}

// From source the threads resolve other packages of the workspace to their sources too.
const runsFromSource = import.meta.url.endsWith(".ts");
const EXTENSION = runsFromSource ? "ts" : "js";
const EXEC_ARGUMENTS = runsFromSource ? ["--conditions=@carrel/source"] : [];

/**
 * A thread that runs a module of this package, given by its path without extension. Nothing of the
 * host's environment or options reaches it, and what it prints goes nowhere.
 */
export function startThread(modulePath: string, { name, memoryBytes }: ThreadOptions): Worker {
  const worker = new Worker(new URL(`./${modulePath}.${EXTENSION}`, import.meta.url), {
    name,
    env: {},
    execArgv: EXEC_ARGUMENTS,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: Math.ceil(memoryBytes / 1024 / 1024) },
  });
  worker.stdout.resume();
  worker.stderr.resume();
  return worker;
}
