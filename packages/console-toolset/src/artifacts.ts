import type { ProcessOutcome } from "@carrel/backend-protocol";

/** What a command did, for people: the model gets a shorter text of it. */
export interface CommandArtifact {
  kind: "command";
  command: string;
  outcome: ProcessOutcome;
  /** Only with the outcome `exited`. */
  exitCode: number | null;
  /** Only with the outcome `signaled`, where it is known: `SIGSEGV`. */
  signal: string | null;
  /**
   * Both streams in the order in which they arrived, escape sequences included; of more than
   * {@link MAX_ARTIFACT_CHARACTERS} the beginning and the end, with a line between them that says
   * how much is missing.
   */
  output: string;
  /** Some of the output is not in `output`. */
  truncated: boolean;
  durationMs: number;
}

/** A change to a part of a file. */
export interface EditArtifact {
  kind: "edit";
  /** Absolute and normalised. */
  path: string;
  /** As the model gave them; in a file with CRLF line breaks the file has `\r\n` for each `\n`. */
  oldText: string;
  newText: string;
  /** How many occurrences were replaced; at least 1. */
  replacements: number;
  /** Number of the line, from 1, on which the first occurrence began. */
  firstLine: number;
}

/** A file that was created or replaced. */
export interface WriteArtifact {
  kind: "write";
  /** Absolute and normalised. */
  path: string;
  /** No file stood there before. */
  created: boolean;
  sizeBytes: number;
  /** A final line break does not make an empty line after it. */
  lineCount: number;
}

/**
 * The `artifact` of the ToolMessage of a call that did something: for a user interface, never sent
 * to the model. Calls that only read and calls that failed have none.
 */
export type ConsoleArtifact = CommandArtifact | EditArtifact | WriteArtifact;

/** Most characters of output that a {@link CommandArtifact} keeps. */
export const MAX_ARTIFACT_CHARACTERS = 100_000;
