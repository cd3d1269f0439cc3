import { parentPort } from "node:worker_threads";
import type { FileInfo, GrepMatch } from "@carrel/backend-protocol";
import { SandboxError } from "@carrel/backend-protocol";
import { fileInfo } from "../files/file-info.ts";
import { FileTree } from "../files/file-tree.ts";
import type { Entry } from "../files/file-tree.ts";
import { requireDirectory } from "../files/list.ts";
import { openFile } from "../files/open-file.ts";
import { isBinary } from "../files/read-lines.ts";
import { fileLines } from "./file-lines.ts";
import { GlobPattern } from "./glob-pattern.ts";
import { cutAround, lineMatcher } from "./line-matcher.ts";
import type { LineMatcher } from "./line-matcher.ts";
import type { GlobJob, GrepJob, SearchJob, SearchMessage } from "./search-job.ts";
import { walk } from "./walk.ts";

/**
 * The entry of a worker thread that does one search at a time. A thread, because matching keeps a
 * processor busy: other users go on meanwhile, and the deadline can end it.
 */
const BATCH_SIZE = 100;
/** Most text of all results, in characters: as much as an agent gives. 10,000 long lines are ten times that. */
const MAX_RESULT_CHARACTERS = 16 * 1024 * 1024;

parentPort?.on("message", (job: SearchJob) => void search(job));

async function search(job: SearchJob): Promise<void> {
  try {
    const tree = new FileTree(job.places);
    const truncated = await send(
      job.type === "glob" ? glob(tree, job) : grep(tree, job),
      job.limit,
    );
    say({ type: "end", truncated });
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    say({ type: "error", code: error.code, message: error.message });
  }
}

/** Send results in batches, so that a deadline keeps what was found; whether there were more. */
async function send(results: AsyncIterable<FileInfo | GrepMatch>, limit: number): Promise<boolean> {
  let batch: (FileInfo | GrepMatch)[] = [];
  let sent = 0;
  let characters = 0;
  for await (const result of results) {
    characters += result.path.length + ("text" in result ? result.text.length : 0);
    if (sent === limit) return true;
    if (characters > MAX_RESULT_CHARACTERS) {
      say({ type: "found", results: batch });
      return true;
    }
    sent++;
    batch.push(result);
    if (batch.length < BATCH_SIZE && sent < limit) continue;
    say({ type: "found", results: batch });
    batch = [];
  }
  if (batch.length > 0) say({ type: "found", results: batch });
  return false;
}

async function* glob(tree: FileTree, job: GlobJob): AsyncGenerator<FileInfo, void> {
  const pattern = new GlobPattern(job.pattern, job);
  for (const root of await roots(tree, job.path)) {
    requireDirectory(root);
    for await (const { path, stats } of walk(root, pattern, job)) yield fileInfo(path, stats);
  }
}

async function* grep(tree: FileTree, job: GrepJob): AsyncGenerator<GrepMatch, void> {
  const matcher = lineMatcher(job);
  for await (const path of searchedFiles(tree, job)) {
    await using file = await openFile(tree, path).catch(() => null);
    // Removed, unreadable or no regular file: nothing to search.
    if (!file || (await isBinary(file))) continue;
    yield* matchesIn(path, fileLines(file), matcher);
  }
}

async function* matchesIn(
  path: string,
  lines: AsyncIterable<string>,
  matcher: LineMatcher,
): AsyncGenerator<GrepMatch, void> {
  let line = 0;
  for await (const text of lines) {
    line++;
    const start = matcher(text);
    if (start >= 0) yield { path, line, text: cutAround(text, start) };
  }
}

async function* searchedFiles(tree: FileTree, job: GrepJob): AsyncGenerator<string, void> {
  const glob = job.glob ?? "**";
  const pattern = new GlobPattern(glob.includes("/") ? glob : `**/${glob}`, job);
  for (const root of await roots(tree, job.path)) {
    if (!root.stats.isDirectory()) yield root.path;
    else for await (const { path } of walk(root, pattern, job)) yield path;
  }
}

/** What stands at the path; at a directory that only leads to mounts: the mounts below it. */
async function roots(tree: FileTree, path: string): Promise<Entry[]> {
  if (!tree.virtualNames(path)) return [await tree.get(path)];
  const below = tree.mounts.filter((mount) => mount.path.startsWith(path));
  return Promise.all(below.map((mount) => tree.get(mount.path)));
}

function say(message: SearchMessage): void {
  parentPort?.postMessage(message);
}
