import { requireWholeNumber } from "@carrel/backend-protocol";

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
}

const DEFAULT_LIMITS: Required<SandboxLimits> = {
  memoryBytes: 1024 * MEBIBYTE,
  cpus: 1,
  processes: 256,
  tmpBytes: 256 * MEBIBYTE,
  openFiles: 4096,
  fileBytes: 2048 * MEBIBYTE,
};

/** The agent alone takes this many threads; a sandbox without room for commands is of no use. */
const MIN_PROCESSES = 64;

/** @throws `invalid-argument` */
export function checkLimits(limits: SandboxLimits = {}): Required<SandboxLimits> {
  const checked = { ...DEFAULT_LIMITS, ...limits };
  requireWholeNumber("memoryBytes", checked.memoryBytes, { minimum: 64 * MEBIBYTE });
  requireWholeNumber("a hundredth of cpus", Math.round(checked.cpus * 100), { minimum: 1 });
  requireWholeNumber("processes", checked.processes, { minimum: MIN_PROCESSES });
  requireWholeNumber("tmpBytes", checked.tmpBytes, { minimum: MEBIBYTE });
  requireWholeNumber("openFiles", checked.openFiles, { minimum: 64 });
  requireWholeNumber("fileBytes", checked.fileBytes, { minimum: MEBIBYTE });
  return checked;
}
