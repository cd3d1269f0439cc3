import { SandboxError, requireWholeNumber } from "@carrel/backend-protocol";
import type { EngineInfo } from "./engine/engine-info.ts";

const MEBIBYTE = 1024 * 1024;

/** What one sandbox may use. */
export interface SandboxLimits {
  /** Memory of all its processes and of `/tmp`; there is no swap. @default 1 GiB */
  memoryBytes?: number;
  /** Share of processors, 0.01 and more. @default 1 */
  cpus?: number;
  /** Processes and threads together. @default 256 */
  processes?: number;
  /** Size of `/tmp`. @default 256 MiB */
  tmpBytes?: number;
  /** Files that one process may have open. @default 4096 */
  openFiles?: number;
  /** Size of the largest file. @default 2 GiB */
  fileBytes?: number;
  /**
   * Terminals that are open at the same time, those that programs such as tmux make included. The kernel
   * has 3,072 for all containers of a machine (`kernel.pty.max`). OCI runtimes with a kernel of
   * their own ignore it. @default 32
   */
  terminals?: number;
}

const DEFAULT_LIMITS: Required<SandboxLimits> = {
  memoryBytes: 1024 * MEBIBYTE,
  cpus: 1,
  processes: 256,
  tmpBytes: 256 * MEBIBYTE,
  openFiles: 4096,
  fileBytes: 2048 * MEBIBYTE,
  terminals: 32,
};

/** The agent alone takes this many threads; a sandbox without room for commands is of no use. */
const MIN_PROCESSES = 64;
const MIN_CPUS = 0.01;
/** More than any machine has; a slip of the pen is told before an engine is asked. */
const MAX_CPUS = 4096;
/** `NR_UNIX98_PTY_MAX` of Linux. */
const MAX_TERMINALS = 1_048_576;
/** As many as Linux can number. */
const MAX_PROCESSES = 4_194_304;
/** What the kernel lets one process have at most unless it was told otherwise. */
const MAX_OPEN_FILES = 1_048_576;

/** @throws `invalid-argument` */
export function checkLimits(limits: SandboxLimits = {}): Required<SandboxLimits> {
  if (typeof limits !== "object" || limits === null) throw invalid("limits must be an object.");
  const checked = { ...DEFAULT_LIMITS };
  for (const [name, value] of Object.entries(limits) as [string, number | undefined][]) {
    if (!isLimit(name)) throw invalid(`There is no option limits.${name.slice(0, 200)}.`);
    if (value !== undefined) checked[name] = value;
  }
  const { cpus } = checked;
  if (typeof cpus !== "number" || !(cpus >= MIN_CPUS && cpus <= MAX_CPUS)) {
    throw invalid(`limits.cpus must be a number from ${MIN_CPUS} to ${MAX_CPUS}, not ${cpus}.`);
  }
  const whole = (name: keyof SandboxLimits, minimum: number, maximum?: number): void =>
    requireWholeNumber(`limits.${name}`, checked[name], {
      minimum,
      ...(maximum !== undefined && { maximum }),
    });
  whole("memoryBytes", 64 * MEBIBYTE);
  whole("processes", MIN_PROCESSES, MAX_PROCESSES);
  whole("tmpBytes", MEBIBYTE);
  whole("openFiles", 64, MAX_OPEN_FILES);
  whole("fileBytes", MEBIBYTE);
  whole("terminals", 1, MAX_TERMINALS);
  return checked;
}

/** Limits that the engine's machine cannot give. @throws `invalid-argument` */
export function checkMachine(
  { memoryBytes, cpus }: Required<SandboxLimits>,
  { info, host }: { info: EngineInfo; host: string },
): void {
  // An engine that does not say what it has is believed to have enough.
  if (info.cpuCount > 0 && cpus > info.cpuCount) {
    throw invalid(
      `limits.cpus is ${cpus}, and the machine of the engine at ${host} has ${info.cpuCount} processors.`,
    );
  }
  if (info.memoryBytes > 0 && memoryBytes > info.memoryBytes) {
    throw invalid(
      `limits.memoryBytes is ${memoryBytes}, and the machine of the engine at ${host} has ${info.memoryBytes} bytes.`,
    );
  }
}

function isLimit(name: string): name is keyof SandboxLimits {
  return Object.hasOwn(DEFAULT_LIMITS, name);
}

function invalid(message: string): SandboxError {
  return new SandboxError({ code: "invalid-argument", message });
}
