import type { Worker } from "node:worker_threads";
import {
  DEFAULT_SEARCH_LIMIT,
  DEFAULT_SEARCH_TIMEOUT_MS,
  MAX_SEARCH_LIMIT,
  SandboxError,
  checkGlobPattern,
  checkGrepPattern,
  requireWholeNumber,
  throwIfAborted,
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
import type { FileTree, FileTreeOptions } from "../files/file-tree.ts";
import { endThread, stopListening } from "../end-thread.ts";
import { ThreadPool } from "../thread-pool.ts";
import { Turns } from "./turns.ts";
import type { SearchJob, SearchMessage } from "./search-job.ts";

/** Node fires a longer timer at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const SEARCH_MEMORY_BYTES = 256 * 1024 * 1024;

/** Searches of one sandbox that go on at the same time; further ones wait for their turn. */
const MAX_SEARCHES = 4;

/** What one sandbox searches with. */
export class SearchThreads {
  readonly pool: ThreadPool = new ThreadPool("search/search-worker", {
    name: "carrel-search",
    memoryBytes: SEARCH_MEMORY_BYTES,
  });
  readonly turns: Turns = new Turns(MAX_SEARCHES);
}

/** Where to search, and with what. */
export interface SearchPlace {
  tree: FileTree;
  threads: SearchThreads;
}

export async function glob(
  { tree, threads }: SearchPlace,
  pattern: string,
  { path = tree.workDir, limit = DEFAULT_SEARCH_LIMIT, hidden = false, ...rest }: GlobOptions = {},
): Promise<GlobResult> {
  checkGlobPattern(pattern);
  const where = { places: placesOf(tree), path: tree.resolve(path) };
  const job: SearchJob = { type: "glob", ...where, pattern, limit, hidden };
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
  checkGrepPattern(pattern);
  if (fileGlob !== undefined) checkGlobPattern(fileGlob);
  const where = { places: placesOf(tree), path: tree.resolve(path), glob: fileGlob, hidden };
  const job: SearchJob = { type: "grep", ...where, pattern, literal, ignoreCase, limit };
  const { results, truncated } = await run<GrepMatch>(threads, job, rest);
  return { matches: results, truncated };
}

function placesOf({ workDir, mounts, draftsHostPath }: FileTree): FileTreeOptions {
  return { workDir, mounts, draftsHostPath };
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
  { pool, turns }: SearchThreads,
  job: SearchJob,
  { timeoutMs = DEFAULT_SEARCH_TIMEOUT_MS, signal }: SearchBounds,
): Promise<Found<Result>> {
  requireWholeNumber("limit", job.limit, { minimum: 1 });
  requireWholeNumber("timeoutMs", timeoutMs, { minimum: 1 });
  throwIfAborted(signal);
  // Waiting for a turn is part of the time that the search may take.
  const deadline = AbortSignal.timeout(Math.min(timeoutMs, MAX_TIMER_MS));
  const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
  using turn = await turns.take(stop);
  throwIfAborted(signal);
  if (!turn) return { results: [], truncated: true };
  const worker = pool.take();
  let ended = false;
  worker.on("message", ({ type }: SearchMessage) => (ended = type !== "found"));
  try {
    worker.postMessage({ ...job, limit: Math.min(job.limit, MAX_SEARCH_LIMIT) });
    return await listen<Result>(worker, stop, signal);
  } finally {
    stopListening(worker);
    if (ended) await pool.giveBack(worker);
    else await endThread(worker);
  }
}

function listen<Result>(
  worker: Worker,
  stop: AbortSignal,
  signal: AbortSignal | undefined,
): Promise<Found<Result>> {
  const { promise, resolve, reject } = Promise.withResolvers<Found<Result>>();
  const results: Result[] = [];
  const onStop = (): void => {
    try {
      throwIfAborted(signal);
      resolve({ results, truncated: true });
    } catch (error) {
      reject(error);
    }
  };
  if (stop.aborted) onStop();
  stop.addEventListener("abort", onStop, { once: true });
  worker.on("error", reject);
  worker.on("message", (message: SearchMessage) => {
    if (message.type === "found") results.push(...(message.results as Result[]));
    else if (message.type === "end") resolve({ results, truncated: message.truncated });
    else reject(searchError(message));
  });
  return promise.finally(() => stop.removeEventListener("abort", onStop));
}

function searchError({ code, message }: { code: string; message: string }): SandboxError {
  return new SandboxError({ code: code as SandboxErrorCode, message });
}
