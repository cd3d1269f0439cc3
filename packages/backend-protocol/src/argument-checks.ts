import type { ListOptions } from "./files.ts";
import {
  DEFAULT_COMMAND_TIMEOUT_MS,
  DEFAULT_MAX_OUTPUT_BYTES,
  MAX_COMMAND_BYTES,
  MAX_COMMAND_TIMEOUT_MS,
  MAX_GLOB_PATTERN_BYTES,
  MAX_GREP_PATTERN_BYTES,
  MAX_LIST_ENTRIES,
  MAX_NAME_BYTES,
  MAX_OUTPUT_BYTES,
} from "./limits.ts";
import type { SpawnOptions } from "./process.ts";
import { SandboxError } from "./sandbox-error.ts";
import { pathToBytes, resolveSandboxPath } from "./sandbox-path.ts";

/** Bounds of a number, both of which it may have. */
export interface WholeNumberBounds {
  minimum: number;
  /** @default the largest whole number that is exact */
  maximum?: number;
}

/** @throws `invalid-argument` where the value is not a whole number within the bounds */
export function requireWholeNumber(
  name: string,
  value: number,
  { minimum, maximum = Number.MAX_SAFE_INTEGER }: WholeNumberBounds,
): void {
  if (Number.isSafeInteger(value) && value >= minimum && value <= maximum) return;
  const range =
    maximum === Number.MAX_SAFE_INTEGER
      ? `of at least ${minimum}`
      : `from ${minimum} to ${maximum}`;
  throw invalidArgument(`${name} must be a whole number ${range}, not ${value}.`);
}

/** @throws `aborted` where the caller's signal has fired */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal);
}

/** What an operation throws whose caller's signal fired. */
export function abortedError(signal: AbortSignal): SandboxError {
  return new SandboxError({
    code: "aborted",
    message: "The operation was aborted by its caller.",
    cause: signal.reason,
  });
}

/** What a command runs with, once it was checked and its defaults were filled in. */
export interface CheckedCommandOptions {
  env: Readonly<Record<string, string>>;
  stdin: Uint8Array | "open";
  timeoutMs: number;
  maxOutputBytes: number;
}

/**
 * Check a command and its options, as far as that takes no look into the sandbox: `cwd` is the
 * provider's to check.
 * @throws `invalid-argument`
 */
export function checkCommand(command: string, options: SpawnOptions): CheckedCommandOptions {
  requireCommand(command);
  const {
    timeoutMs = DEFAULT_COMMAND_TIMEOUT_MS,
    maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES,
    stdin = "",
    env = {},
  } = options;
  requireWholeNumber("timeoutMs", timeoutMs, { minimum: 1, maximum: MAX_COMMAND_TIMEOUT_MS });
  requireWholeNumber("maxOutputBytes", maxOutputBytes, { minimum: 0, maximum: MAX_OUTPUT_BYTES });
  requireEnvironment(env);
  return {
    env,
    stdin: stdin === "open" || typeof stdin !== "string" ? stdin : Buffer.from(stdin, "utf8"),
    timeoutMs,
    maxOutputBytes,
  };
}

/**
 * Check a glob as far as its size goes; what is wrong in it is for its reader to find.
 * @throws `invalid-argument`
 */
export function checkGlobPattern(pattern: string): void {
  if (pattern === "") throw invalidArgument("The glob pattern is empty.");
  if (pattern.includes("\0")) throw invalidArgument("The glob pattern contains a NUL character.");
  if (isLonger(pattern, MAX_GLOB_PATTERN_BYTES)) {
    throw invalidArgument(`The glob pattern is longer than ${MAX_GLOB_PATTERN_BYTES} bytes.`);
  }
}

/**
 * Check the pattern of a `grep` as far as its size goes.
 * @throws `invalid-argument`
 */
export function checkGrepPattern(pattern: string): void {
  if (isLonger(pattern, MAX_GREP_PATTERN_BYTES)) {
    throw invalidArgument(
      `The pattern to search for is longer than ${MAX_GREP_PATTERN_BYTES} bytes; search for a part of it.`,
    );
  }
}

/** Which entries of a directory are asked for, once the options were checked. */
export interface CheckedListOptions {
  /** `null`: all of them. */
  limit: number | null;
  /** The bytes of a name, after which the listing begins; `null`: at the first one. */
  after: Uint8Array | null;
}

/**
 * Check which entries of a directory are asked for.
 * @throws `invalid-argument`
 */
export function checkListOptions({ limit, after }: ListOptions): CheckedListOptions {
  if (limit !== undefined) {
    requireWholeNumber("limit", limit, { minimum: 1, maximum: MAX_LIST_ENTRIES });
  }
  if (after !== undefined) requireName("after", after);
  return { limit: limit ?? null, after: after === undefined ? null : pathToBytes(after) };
}

function requireName(option: string, name: string): void {
  const isOneName = name !== "" && name !== "." && name !== ".." && !name.includes("/");
  try {
    if (isOneName && resolveSandboxPath("/", name).length > 1) return;
  } catch (cause) {
    if (!SandboxError.isInstance(cause)) throw cause;
    // The path's error speaks of a path, which the caller did not give.
  }
  const shown = JSON.stringify(name.slice(0, MAX_NAME_BYTES));
  throw invalidArgument(
    `${option} must be the name of an entry, of at most ${MAX_NAME_BYTES} bytes, not ${shown}.`,
  );
}

function isLonger(pattern: string, maxBytes: number): boolean {
  // A string has at least as many bytes as it has units, which are counted already.
  return pattern.length > maxBytes || pathToBytes(pattern).length > maxBytes;
}

function requireCommand(command: string): void {
  if (command.trim() === "") throw invalidArgument("The command is empty.");
  if (command.includes("\0")) throw invalidArgument("The command contains a NUL character.");
  if (Buffer.byteLength(command) > MAX_COMMAND_BYTES) {
    throw invalidArgument(
      `The command is longer than ${MAX_COMMAND_BYTES} bytes; write it to a file and run that.`,
    );
  }
}

function requireEnvironment(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw invalidArgument(
        `${JSON.stringify(name)} cannot be the name of an environment variable.`,
      );
    }
    if (typeof value !== "string" || value.includes("\0")) {
      throw invalidArgument(
        `The environment variable ${name} must be text without NUL characters.`,
      );
    }
    // The kernel's bound holds for one variable as for one argument.
    if (Buffer.byteLength(`${name}=${value}`) > MAX_COMMAND_BYTES) {
      throw invalidArgument(
        `The environment variable ${name} is longer than ${MAX_COMMAND_BYTES} bytes; write it to a file.`,
      );
    }
  }
}

function invalidArgument(message: string): SandboxError {
  return new SandboxError({ code: "invalid-argument", message });
}
