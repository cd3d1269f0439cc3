import {
  DEFAULT_COMMAND_TIMEOUT_MS,
  DEFAULT_MAX_OUTPUT_BYTES,
  MAX_COMMAND_BYTES,
  MAX_COMMAND_TIMEOUT_MS,
  MAX_OUTPUT_BYTES,
  SandboxError,
} from "@carrel/backend-protocol";
import type { SpawnOptions } from "@carrel/backend-protocol";
import { notFound } from "../files/file-tree.ts";
import type { FileTree } from "../files/file-tree.ts";
import { requireDirectory } from "../files/list.ts";
import { HOME_DIR } from "../mounts.ts";

export interface CheckedSpawn {
  cwd: string;
  env: Record<string, string>;
  stdin: Uint8Array | "open";
  timeoutMs: number;
  maxOutputBytes: number;
  signal: AbortSignal | undefined;
}

const BASE_ENVIRONMENT: Readonly<Record<string, string>> = {
  HOME: HOME_DIR,
  USER: "agent",
  LANG: "C.UTF-8",
  NO_COLOR: "1",
  PATH: "/usr/bin:/bin",
  // Python would otherwise give the host's path of its interpreter here.
  _: "/usr/bin/bash",
};

/** @throws `invalid-argument`, `not-found`, `not-directory` */
export async function checkSpawn(
  tree: FileTree,
  command: string,
  options: SpawnOptions,
): Promise<CheckedSpawn> {
  requireCommand(command);
  const {
    timeoutMs = DEFAULT_COMMAND_TIMEOUT_MS,
    maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES,
    stdin = "",
    env = {},
    cwd = tree.workDir,
  } = options;
  requireBetween("timeoutMs", timeoutMs, { minimum: 1, maximum: MAX_COMMAND_TIMEOUT_MS });
  requireBetween("maxOutputBytes", maxOutputBytes, { minimum: 0, maximum: MAX_OUTPUT_BYTES });
  requireEnvironment(env);
  return {
    cwd: await requireWorkingDirectory(tree, cwd),
    env: { ...BASE_ENVIRONMENT, ...env },
    stdin: stdin === "open" || typeof stdin !== "string" ? stdin : Buffer.from(stdin, "utf8"),
    timeoutMs,
    maxOutputBytes,
    signal: options.signal,
  };
}

function requireCommand(command: string): void {
  if (command.trim() === "") throw invalid("The command is empty.");
  if (command.includes("\0")) throw invalid("The command contains a NUL character.");
  if (Buffer.byteLength(command) > MAX_COMMAND_BYTES) {
    throw invalid(
      `The command is longer than ${MAX_COMMAND_BYTES} bytes; write it to a file and run that.`,
    );
  }
}

function requireBetween(
  name: string,
  value: number,
  { minimum, maximum }: { minimum: number; maximum: number },
): void {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return;
  throw invalid(`${name} must be a whole number from ${minimum} to ${maximum}, not ${value}.`);
}

function requireEnvironment(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw invalid(`${JSON.stringify(name)} cannot be the name of an environment variable.`);
    }
    if (typeof value !== "string" || value.includes("\0")) {
      throw invalid(`The environment variable ${name} must be text without NUL characters.`);
    }
  }
}

async function requireWorkingDirectory(tree: FileTree, cwd: string): Promise<string> {
  const resolved = tree.resolve(cwd);
  if (tree.virtualNames(resolved)) return resolved;
  const entry = await tree.find(cwd);
  if (!entry) throw notFound(resolved);
  requireDirectory(entry);
  return resolved;
}

function invalid(message: string): SandboxError {
  return new SandboxError({ code: "invalid-argument", message });
}
