import { DEFAULT_COMMAND_TIMEOUT_MS, MAX_COMMAND_TIMEOUT_MS } from "@carrel/backend-protocol";
import type { Sandbox } from "@carrel/backend-protocol";
import type { StructuredTool, ToolRuntime } from "@langchain/core/tools";
import { MAX_ARTIFACT_CHARACTERS } from "./artifacts.ts";
import { CONSOLE_TOOL_NAMES } from "./console-tool.ts";
import type { ConsoleToolName, ToolSettings } from "./console-tool.ts";
import { FileVersions } from "./file-versions.ts";
import { editFileTool } from "./tools/edit-file.ts";
import { executeTool } from "./tools/execute.ts";
import { globTool } from "./tools/glob.ts";
import { grepTool } from "./tools/grep.ts";
import { lsTool } from "./tools/ls.ts";
import { readFileTool } from "./tools/read-file.ts";
import { writeFileTool } from "./tools/write-file.ts";

const DEFAULT_RESULT_CHARACTERS = 30_000;
const MIN_RESULT_CHARACTERS = 1000;
const DEFAULT_MAX_EXECUTE_TIMEOUT_MS = 600_000;

export interface ConsoleToolsetOptions<Context = unknown> {
  /**
   * The sandbox, or a function that gives the one of the run that calls: decide by
   * `runtime.context` or `runtime.configurable`, which your server sets and no model can. It is
   * called for every call of a tool. What it throws as a {@link SandboxError} is told to the model.
   * Give a narrowed sandbox; its `id` must be its own, because what a conversation knows about a
   * file is kept under it.
   */
  backend: Sandbox | ((runtime: ToolRuntime<unknown, Context>) => Sandbox | Promise<Sandbox>);
  /** Which tools to make. @default all */
  include?: readonly ConsoleToolName[];
  /** Put before every name, where a framework reserves one. @default "" */
  prefix?: string;
  /** How long a command may run where the model does not say. @default {@link DEFAULT_COMMAND_TIMEOUT_MS} */
  executeTimeoutMs?: number;
  /** The most that the model may ask for. @default 600,000, or `executeTimeoutMs` if that is more */
  maxExecuteTimeoutMs?: number;
  /** Most characters of one answer to the model, about; 1,000 to {@link MAX_ARTIFACT_CHARACTERS}. @default 30,000 */
  maxResultCharacters?: number;
  /**
   * Told about errors that are none of {@link SandboxError}; the model hears only that something
   * failed.
   */
  onError?: (error: unknown, toolName: ConsoleToolName) => void;
}

/**
 * LangChain tools over a sandbox, for `createAgent({ tools })`.
 * @throws RangeError where an option is out of its bounds
 */
export function createConsoleToolset<Context = unknown>(
  options: ConsoleToolsetOptions<Context>,
): StructuredTool[] {
  const { include = CONSOLE_TOOL_NAMES } = options;
  const settings = toSettings(options);
  return CONSOLE_TOOL_NAMES.filter((name) => include.includes(name)).map((name) =>
    TOOLS[name](settings),
  );
}

const TOOLS: Record<ConsoleToolName, (settings: ToolSettings) => StructuredTool> = {
  ls: lsTool,
  read_file: readFileTool,
  write_file: writeFileTool,
  edit_file: editFileTool,
  glob: globTool,
  grep: grepTool,
  execute: executeTool,
};

function toSettings<Context>({
  backend,
  prefix = "",
  executeTimeoutMs = DEFAULT_COMMAND_TIMEOUT_MS,
  maxExecuteTimeoutMs = Math.max(executeTimeoutMs, DEFAULT_MAX_EXECUTE_TIMEOUT_MS),
  maxResultCharacters = DEFAULT_RESULT_CHARACTERS,
  onError,
}: ConsoleToolsetOptions<Context>): ToolSettings {
  if (!/^[A-Za-z0-9_-]{0,32}$/.test(prefix)) {
    throw new RangeError(
      `prefix may have up to 32 of A-Z a-z 0-9 _ -, not ${JSON.stringify(prefix)}.`,
    );
  }
  checkRange({ executeTimeoutMs }, 1, maxExecuteTimeoutMs);
  checkRange({ maxExecuteTimeoutMs }, 1, MAX_COMMAND_TIMEOUT_MS);
  checkRange({ maxResultCharacters }, MIN_RESULT_CHARACTERS, MAX_ARTIFACT_CHARACTERS);
  return {
    // What the context is, the caller says to both `createAgent` and this function.
    findSandbox:
      typeof backend === "function" ? (backend as ToolSettings["findSandbox"]) : () => backend,
    prefix,
    executeTimeoutMs,
    maxExecuteTimeoutMs,
    maxResultCharacters,
    fileVersions: new FileVersions(),
    onError,
  };
}

function checkRange(option: Record<string, number>, least: number, most: number): void {
  for (const [name, value] of Object.entries(option)) {
    if (!(value >= least && value <= most)) {
      throw new RangeError(`${name} must be ${least} to ${most}, not ${value}.`);
    }
  }
}
