import type { Violation } from "../history/history.ts";

export interface ScenarioOptions {
  /** All that is left to chance, except what the machine does. */
  seed: number;
  /** No new round is begun after so many, */
  rounds: number;
  /** nor after this time. */
  minutes: number;
  /** How many times slower than it aims to be it may be, on a machine that does other things too. @default 1 */
  patience?: number;
  image: string;
  /** The engine's socket. */
  enginePath: string;
  /** A PostgreSQL whose user may create databases, for the sessions. @default SQLite */
  postgresUrl?: string | undefined;
  /** Told now and then how far it is. */
  onProgress?: (line: string) => void;
}

export interface ScenarioReport {
  name: string;
  seed: number;
  /** How many were done. */
  rounds: number;
  durationMs: number;
  /** What was counted and measured. */
  figures: Readonly<Record<string, number>>;
  /** What must not be. Empty where all is well. */
  violations: readonly Violation[];
}

/** Something to try, over and over, with a seed. */
export interface Scenario {
  name: string;
  /** What it tries, in a line. */
  about: string;
  /** So many rounds show what a short run can show. */
  shortRounds: number;
  /** As many as the figures to reach ask for. */
  longRounds: number;
  run(options: ScenarioOptions): Promise<ScenarioReport>;
}
