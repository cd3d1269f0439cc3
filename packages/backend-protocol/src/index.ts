export {
  abortedError,
  checkCommand,
  checkGlobPattern,
  checkGrepPattern,
  checkListOptions,
  requireWholeNumber,
  throwIfAborted,
} from "./argument-checks.ts";
export type {
  CheckedCommandOptions,
  CheckedListOptions,
  WholeNumberBounds,
} from "./argument-checks.ts";
export type { Backend } from "./backend.ts";
export { collectProcess } from "./collect-process.ts";
export type { CollectOptions } from "./collect-process.ts";
export type {
  EditOptions,
  EditResult,
  FileContent,
  FileEvent,
  FileInfo,
  FileType,
  GlobOptions,
  GlobResult,
  GrepMatch,
  GrepOptions,
  GrepResult,
  LineRange,
  ListOptions,
  MoveOptions,
  OperationOptions,
  ReadLinesOptions,
  ReadOptions,
  RemoveOptions,
  WriteOptions,
  WriteResult,
} from "./files.ts";
export {
  DEFAULT_COMMAND_TIMEOUT_MS,
  DEFAULT_MAX_OUTPUT_BYTES,
  DEFAULT_READ_LINES,
  DEFAULT_SEARCH_LIMIT,
  DEFAULT_SEARCH_TIMEOUT_MS,
  MAX_CHUNK_BYTES,
  MAX_COMMAND_BYTES,
  MAX_COMMAND_TIMEOUT_MS,
  MAX_GLOB_PATTERN_BYTES,
  MAX_GREP_PATTERN_BYTES,
  MAX_LINE_BYTES,
  MAX_LIST_ENTRIES,
  MAX_NAME_BYTES,
  MAX_OUTPUT_BYTES,
  MAX_PATH_BYTES,
  MAX_READ_BYTES,
  MAX_READ_LINES_BYTES,
  MAX_SEARCH_LIMIT,
} from "./limits.ts";
export type {
  ManagedSandbox,
  SandboxStatus,
  SandboxUsage,
  UsageOptions,
} from "./managed-sandbox.ts";
export { hasMoreValues } from "./json-values.ts";
export { LoopShare } from "./loop-share.ts";
export { MemoryBudget } from "./memory-budget.ts";
export type { MemoryAccount, MemoryBudgetOptions } from "./memory-budget.ts";
export { MemoryMeter } from "./memory-meter.ts";
export { narrowSandbox } from "./narrow-sandbox.ts";
export { positionsOf } from "./positions-of.ts";
export { CHUNK_COST_BYTES, PackedChunks } from "./packed-chunks.ts";
export type { PackedChunk } from "./packed-chunks.ts";
export type {
  AttachOptions,
  ExecuteOptions,
  ExecuteResult,
  OutputChunk,
  ProcessHandle,
  ProcessInfo,
  ProcessOutcome,
  ProcessResult,
  SpawnOptions,
} from "./process.ts";
export type { Sandbox, TerminalHandle, TerminalOptions } from "./sandbox.ts";
export { SANDBOX_ERROR_CODES, SandboxError } from "./sandbox-error.ts";
export type { SandboxErrorCode, SandboxErrorOptions } from "./sandbox-error.ts";
export { pathFromBytes, pathToBytes, resolveSandboxPath } from "./sandbox-path.ts";
export type {
  CreateOptions,
  FindOptions,
  ProviderInfo,
  SandboxProvider,
  SandboxSummary,
  StartProgress,
} from "./sandbox-provider.ts";
