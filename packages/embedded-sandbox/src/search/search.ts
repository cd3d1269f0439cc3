import type { Worker } from "node:worker_threads";
import {
  DEFAULT_SEARCH_LIMIT,
  DEFAULT_SEARCH_TIMEOUT_MS,
  MAX_SEARCH_LIMIT,
  SandboxError,
} from "@carrel/backend-protocol";
import type {
  FileInfo,
  GlobOptions,
  GlobResult,
  GrepMatch,
  GrepOptions,
  GrepResult,
  SandboxErrorCode,
} from "@carrel/backend-protocol";
import { throwIfAborted } from "../files/abort.ts";
import type { FileTree } from "../files/file-tree.ts";
import { requireCount } from "../files/read.ts";
import { endThread, stopListening } from "../end-thread.ts";
import { ThreadPool } from "../thread-pool.ts";
import type { SearchJob, SearchMessage } from "./search-job.ts";

const SEARCH_MEMORY_BYTES = 256 * 1024 * 1024;

/** The threads that one sandbox searches with. */
export function searchThreads(): ThreadPool {
  const options = { name: "carrel-search", memoryBytes: SEARCH_MEMORY_BYTES };
  return new ThreadPool("search/search-worker", options);
}

/** Where to search, and with what. */
export interface SearchPlace {
  tree: FileTree;
  threads: ThreadPool;
}

export async function glob(
  { tree, threads }: SearchPlace,
  pattern: string,
  { path = tree.workDir, limit = DEFAULT_SEARCH_LIMIT, hidden = false, ...rest }: GlobOptions = {},
): Promise<GlobResult> {
  const { mounts, workDir } = tree;
  const resolved = tree.resolve(path);
  const job: SearchJob = { type: "glob", workDir, mounts, path: resolved, pattern, limit, hidden };
  const { results, truncated } = await run<FileInfo>(threads, job, rest);
  return { files: results, truncated };
}

export async function grep(
  { tree, threads }: SearchPlace,
  pattern: string,
  options: GrepOptions = {},
): Promise<GrepResult> {
  const { path = tree.workDir, glob: fileGlob, literal = false, ignoreCase = false } = options;
  const { limit = DEFAULT_SEARCH_LIMIT, hidden = false, ...rest } = options;
  const { mounts, workDir } = tree;
  const where = { workDir, mounts, path: tree.resolve(path), glob: fileGlob, hidden };
  const job: SearchJob = { type: "grep", ...where, pattern, literal, ignoreCase, limit };
  const { results, truncated } = await run<GrepMatch>(threads, job, rest);
  return { matches: results, truncated };
}

interface SearchBounds {
  timeoutMs?: number;
  signal?: AbortSignal;
}

interface Found<Result> {
  results: Result[];
  truncated: boolean;
}

async function run<Result extends FileInfo | GrepMatch>(
  threads: ThreadPool,
  job: SearchJob,
  { timeoutMs = DEFAULT_SEARCH_TIMEOUT_MS, signal }: SearchBounds,
): Promise<Found<Result>> {
  requireCount("limit", job.limit, 1);
  requireCount("timeoutMs", timeoutMs, 1);
  throwIfAborted(signal);
  const worker = threads.take();
  let ended = false;
  worker.on("message", ({ type }: SearchMessage) => (ended = type !== "found"));
  try {
    worker.postMessage({ ...job, limit: Math.min(job.limit, MAX_SEARCH_LIMIT) });
    return await listen<Result>(worker, timeoutMs, signal);
  } finally {
    stopListening(worker);
    if (ended) await threads.giveBack(worker);
    else await endThread(worker);
  }
}

function listen<Result>(
  worker: Worker,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Found<Result>> {
  const { promise, resolve, reject } = Promise.withResolvers<Found<Result>>();
  const results: Result[] = [];
  const timer = setTimeout(() => resolve({ results, truncated: true }), timeoutMs);
  const onAbort = (): void => {
    try {
      throwIfAborted(signal);
    } catch (error) {
      reject(error);
    }
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  worker.on("error", reject);
  worker.on("message", (message: SearchMessage) => {
    if (message.type === "found") results.push(...(message.results as Result[]));
    else if (message.type === "end") resolve({ results, truncated: message.truncated });
    else reject(searchError(message));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  });
}

function searchError({ code, message }: { code: string; message: string }): SandboxError {
  return new SandboxError({ code: code as SandboxErrorCode, message });
}
