import type { SandboxProvider } from "../sandbox-provider.ts";
import type { ConformancePart } from "./groups.ts";
import type { KnownGap } from "./known-gaps.ts";

/** What is tested. Disposing it deletes every trace of it, also after its provider was disposed. */
export interface ConformanceSubject extends AsyncDisposable {
  readonly provider: SandboxProvider;
  /**
   * Another provider of the same installation, as a second server process would have it. The suite
   * disposes it. Absent: tests of two providers are skipped.
   */
  secondProvider?(): Promise<SandboxProvider>;
  /** Paths of the host that no error message and no output of a command may name. @default [] */
  readonly hostPaths?: readonly string[];
}

export interface ConformanceOptions {
  /** Of the kind of sandbox, for the output: `docker`. */
  name: string;
  /** Called once for most tests, and again by those that dispose the provider. */
  create(): Promise<ConformanceSubject>;
  /** What this provider is known not to do; `[]` where it does everything. */
  knownGaps: readonly KnownGap[];
  /**
   * Run only the behaviours of files, of `execute`, or of processes, sandboxes and providers.
   * @default all
   */
  part?: ConformancePart;
  /** How long one test may take, its set-up not counted. @default 30,000 */
  timeoutMs?: number;
}
