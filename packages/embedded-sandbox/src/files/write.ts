import { createHash, randomBytes } from "node:crypto";
import type { Hash } from "node:crypto";
import { constants } from "node:fs";
import { mkdir as makeDirectory, open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SandboxError, pathFromBytes, pathToBytes, throwIfAborted } from "@carrel/backend-protocol";
import type { FileContent, WriteOptions, WriteResult } from "@carrel/backend-protocol";
import { show } from "./file-tree.ts";
import type { Entry, FileTree, Place } from "./file-tree.ts";
import { translateHostError } from "./host-error.ts";
import { openFile, requireFile } from "./open-file.ts";
import type { Serialiser } from "./serialise.ts";

const DEFAULT_FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;
const MAX_MODE = 0o7777;

export async function write(
  tree: FileTree,
  commits: Serialiser,
  path: string,
  { content, ifHash, mode, signal }: WriteOptions & { content: FileContent },
): Promise<WriteResult> {
  requireMode(mode);
  throwIfAborted(signal);
  const { place, entry } = await tree.target(path);
  requireReplaceable(place, entry);
  await makeParents(place);
  await using draft = await Draft.create(tree, place);
  const { sizeBytes, hash } = await draft.fill(content, signal);
  // Awaited here: the draft lives until it is committed.
  return await commits.run(async () => {
    throwIfAborted(signal);
    const now = await tree.target(path);
    requireReplaceable(now.place, now.entry);
    if (ifHash !== undefined) await requireHash(tree, now.place, { expected: ifHash, signal });
    await draft.commit(mode ?? modeOf(now.entry));
    return { path: place.path, sizeBytes, hash, created: now.entry === null };
  });
}

/**
 * A new content on the file system of the file that it will replace, so that the change is one
 * rename. It lies outside of what the sandbox shows.
 */
export class Draft implements AsyncDisposable {
  readonly #place: Place;
  readonly #hostPath: Buffer;
  readonly #file: FileHandle;

  private constructor(place: Place, hostPath: Buffer, file: FileHandle) {
    this.#place = place;
    this.#hostPath = hostPath;
    this.#file = file;
  }

  static async create(tree: FileTree, place: Place): Promise<Draft> {
    const hostPath = Buffer.from(join(tree.draftsHostPath, randomBytes(8).toString("hex")));
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    try {
      return new Draft(place, hostPath, await open(hostPath, flags, 0o600));
    } catch (error) {
      throw translateHostError(error, place.path);
    }
  }

  async fill(
    content: FileContent,
    signal: AbortSignal | undefined,
  ): Promise<{ sizeBytes: number; hash: string }> {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    const take = async (chunk: Uint8Array): Promise<void> => {
      throwIfAborted(signal);
      sizeBytes += await this.#append(chunk, hash);
    };
    if (content instanceof ReadableStream) await drain(content, take, signal);
    else await take(typeof content === "string" ? Buffer.from(content, "utf8") : content);
    return { sizeBytes, hash: hash.digest("hex") };
  }

  async commit(mode: number): Promise<void> {
    try {
      await this.#file.chmod(mode);
      await rename(this.#hostPath, this.#place.hostPath);
    } catch (error) {
      throw translateHostError(error, this.#place.path);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await rm(this.#hostPath, { force: true });
  }

  async #append(chunk: Uint8Array, hash: Hash): Promise<number> {
    hash.update(chunk);
    try {
      await this.#file.appendFile(chunk);
    } catch (error) {
      throw translateHostError(error, this.#place.path);
    }
    return chunk.length;
  }
}

/** Take a stream to its end; an abort does not wait for its next chunk, and cancels it. */
async function drain(
  stream: ReadableStream<Uint8Array>,
  take: (chunk: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await stream.pipeTo(new WritableStream({ write: take }), signal ? { signal } : {});
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

/** @throws `conflict` where the file is not the one that the caller knows */
export async function requireHash(
  tree: FileTree,
  place: Place,
  { expected, signal }: { expected: string | null; signal: AbortSignal | undefined },
): Promise<void> {
  const actual = await hashFile(tree, place.path, signal);
  if (actual === expected) return;
  const state = actual === null ? "no longer exists" : expected === null ? "exists" : "has changed";
  throw new SandboxError({
    code: "conflict",
    message: `${show(place.path)} ${state}; read it again, then decide.`,
  });
}

async function hashFile(
  tree: FileTree,
  path: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  await using file = await openFile(tree, path);
  if (!file) return null;
  const hash = createHash("sha256");
  const content: AsyncIterable<Buffer> = file.createReadStream({ autoClose: false });
  for await (const chunk of content) {
    throwIfAborted(signal);
    hash.update(chunk);
  }
  return hash.digest("hex");
}

/** @throws `is-directory`, `not-regular`, `permission-denied` */
export function requireReplaceable(place: Place, entry: Entry | null): void {
  if (!entry) return;
  requireFile(entry);
  if ((entry.stats.mode & 0o200) === 0) {
    throw new SandboxError({
      code: "permission-denied",
      message: `${show(place.path)} is read-only; give it the write permission first.`,
    });
  }
}

export function modeOf(entry: Entry | null): number {
  return entry ? entry.stats.mode & MAX_MODE : DEFAULT_FILE_MODE;
}

export async function makeParents(place: Place): Promise<void> {
  try {
    await makeDirectory(hostParent(place), { recursive: true, mode: DIRECTORY_MODE });
  } catch (error) {
    throw translateHostError(error, place.path);
  }
}

function hostParent(place: Place): Buffer {
  return Buffer.from(pathToBytes(dirname(pathFromBytes(place.hostPath))));
}

function requireMode(mode: number | undefined): void {
  if (mode === undefined || (Number.isInteger(mode) && mode >= 0 && mode <= MAX_MODE)) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `mode must be a whole number from 0 to 0o7777, not ${mode}.`,
  });
}
