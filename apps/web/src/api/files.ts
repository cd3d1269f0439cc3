import type { WireFileEntry } from "@carrel/server";
import { client } from "./client.ts";
import { openStream } from "./request.ts";

/** Most entries that the server gives at a time. */
const MAX_PAGE = 10_000;

export interface DirectoryListing {
  entries: WireFileEntry[];
  /** There are no more. */
  isComplete: boolean;
}

export interface ListFilesOptions {
  /** Entries to read, in the order of the bytes of their names; the server's pages are as long as they can be. */
  limit: number;
  signal: AbortSignal;
}

/** The first entries of a directory. */
export async function listFiles(
  sessionId: string,
  path: string,
  { limit, signal }: ListFilesOptions,
): Promise<DirectoryListing> {
  const entries: WireFileEntry[] = [];
  let after: string | null = null;
  do {
    const page = String(Math.min(MAX_PAGE, limit - entries.length));
    const response: ListResponse = await client.sessions[":session_id"].files.$get(
      {
        param: { session_id: sessionId },
        query: { path, limit: page, ...(after !== null && { after }) },
      },
      { init: { signal } },
    );
    const { files, next } = await response.json();
    entries.push(...files);
    after = next;
  } while (after !== null && entries.length < limit);
  return { entries, isComplete: after === null };
}

type ListResponse = Awaited<ReturnType<(typeof client.sessions)[":session_id"]["files"]["$get"]>>;

/** `false` where nothing was there. */
export async function removeFile(sessionId: string, path: string): Promise<boolean> {
  const response = await client.sessions[":session_id"].files.content.$delete({
    param: { session_id: sessionId },
    query: { path },
  });
  const { removed } = await response.json();
  return removed;
}

export function contentUrl(sessionId: string, path: string): string {
  return filesUrl(sessionId, "content", path);
}

/** A tar of the directory. */
export function archiveUrl(sessionId: string, path: string): string {
  return filesUrl(sessionId, "archive", path);
}

function filesUrl(sessionId: string, route: "content" | "archive", path: string): string {
  const query = new URLSearchParams({ path });
  return `/sessions/${encodeURIComponent(sessionId)}/files/${route}?${query}`;
}

/**
 * A name that is not UTF-8 has lone surrogates, which no URL can carry: such a file can be seen in
 * its directory but not asked for.
 */
export function isAddressable(path: string): boolean {
  return path.isWellFormed();
}

export interface FileHead {
  bytes: Uint8Array<ArrayBuffer>;
  /** There is no more than `bytes`. */
  complete: boolean;
  /** Of the whole file; `null` where the server did not say. */
  size: number | null;
}

/**
 * The beginning of a file, at most `limit` bytes; the rest is not transferred.
 *
 * @param limitFor how many bytes are wanted of a file that begins like this
 */
export async function readHead(
  url: string,
  limitFor: (start: Uint8Array) => number,
  signal: AbortSignal,
): Promise<FileHead> {
  const response = await openStream(url, { signal });
  const announced = response.headers.get("content-length");
  const chunks: Uint8Array[] = [];
  let received = 0;
  let limit = Number.POSITIVE_INFINITY;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    chunks.push(value);
    received += value.byteLength;
    if (limit === Number.POSITIVE_INFINITY && received >= 16) limit = limitFor(joined(chunks));
    if (received > limit) {
      await reader?.cancel();
      break;
    }
  }
  const bytes = joined(chunks);
  return {
    bytes: bytes.slice(0, Math.min(limit, received)),
    complete: received <= limit,
    size: announced === null ? null : Number(announced),
  };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.byteLength;
  }
  return bytes;
}
