import { createHash, randomBytes } from "node:crypto";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { HOME_DIR, TEMPORARY_DIR, WORK_DIR } from "./mounts.ts";
import type { Mount } from "./mounts.ts";
import { hostErrorCode } from "./files/host-error.ts";

const RECORD_NAME = "sandbox.json";
const TRASH_PREFIX = ".trash-";
const DRAFT_PREFIX = ".new-";
const MAX_KEY_BYTES = 512;

interface SandboxRecord {
  id: string;
  key: string;
  createdAt: string;
}

/**
 * Where the files of one key lie: `<root>/<hash of the key>/` with `workspace`, `home`, `tmp` and
 * a record of whose they are. The record is what makes the sandbox exist: it is created exclusively,
 * so of several creators one wins.
 */
export class SandboxDirectory {
  readonly #root: string;
  readonly #path: string;
  readonly key: string;

  /** @throws `invalid-argument` where the key cannot be one */
  constructor(root: string, key: string) {
    requireKey(key);
    this.key = key;
    this.#root = root;
    this.#path = join(root, createHash("sha256").update(key, "utf8").digest("hex"));
  }

  get mounts(): Mount[] {
    return [
      { path: WORK_DIR, hostPath: join(this.#path, "workspace") },
      { path: HOME_DIR, hostPath: join(this.#path, "home") },
      { path: TEMPORARY_DIR, hostPath: join(this.#path, "tmp") },
    ];
  }

  /** Where the sandbox's files lie, and those that are not whole yet. */
  get places(): { mounts: Mount[]; draftsHostPath: string } {
    return { mounts: this.mounts, draftsHostPath: join(this.#path, "drafts") };
  }

  async record(): Promise<SandboxRecord | null> {
    return readRecord(this.#path);
  }

  /** @throws `already-exists` */
  async create(): Promise<SandboxRecord> {
    await this.makeDirectories();
    const id = `embedded-${randomBytes(8).toString("hex")}`;
    const record = { id, key: this.key, createdAt: new Date().toISOString() };
    // Whole before it has its name, so that a crash leaves no half of it.
    const draft = join(this.#root, `${DRAFT_PREFIX}${id}`);
    await writeFile(draft, JSON.stringify(record), { mode: 0o600 });
    try {
      await link(draft, join(this.#path, RECORD_NAME));
    } catch (error) {
      if (hostErrorCode(error) !== "EEXIST") throw error;
      if (await this.record()) throw alreadyExists(error);
      await rename(draft, join(this.#path, RECORD_NAME));
    } finally {
      await rm(draft, { force: true });
    }
    return record;
  }

  /** Make what is missing. */
  async makeDirectories(): Promise<void> {
    const { mounts, draftsHostPath } = this.places;
    for (const path of [...mounts.map(({ hostPath }) => hostPath), draftsHostPath]) {
      await mkdir(path, { recursive: true, mode: 0o700 });
    }
  }

  /** Delete the drafts that a crash left. Only while nothing can be writing one. */
  async clearDrafts(): Promise<void> {
    await emptyDirectory(this.places.draftsHostPath);
  }

  async clearTemporary(): Promise<void> {
    await emptyDirectory(join(this.#path, "tmp"));
  }

  /** At once for everybody who looks; what is left of it is deleted then. */
  async delete(): Promise<void> {
    const trash = join(this.#root, `${TRASH_PREFIX}${randomBytes(8).toString("hex")}`);
    try {
      await rename(this.#path, trash);
    } catch (error) {
      if (hostErrorCode(error) === "ENOENT") return;
      throw error;
    }
    await rm(trash, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Delete what creations and deletions that were interrupted left behind. */
export async function sweepRoot(root: string): Promise<void> {
  const names = await readdir(root);
  const left = names.filter((name) =>
    [TRASH_PREFIX, DRAFT_PREFIX].some((it) => name.startsWith(it)),
  );
  await Promise.all(left.map((name) => rm(join(root, name), { recursive: true, force: true })));
}

export async function listRecords(root: string): Promise<SandboxRecord[]> {
  const names = (await readdir(root)).filter((name) => !name.startsWith("."));
  const records = await Promise.all(names.map((name) => readRecord(join(root, name))));
  return records.filter((record) => record !== null);
}

async function emptyDirectory(path: string): Promise<void> {
  // Again where an operation that began before put a file into it meanwhile.
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** `null` also where the record is no record: then there is nothing that could be relied on. */
async function readRecord(directory: string): Promise<SandboxRecord | null> {
  try {
    const record: unknown = JSON.parse(await readFile(join(directory, RECORD_NAME), "utf8"));
    return isRecord(record) ? record : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if (["ENOENT", "ENOTDIR"].includes(hostErrorCode(error))) return null;
    throw error;
  }
}

function isRecord(value: unknown): value is SandboxRecord {
  if (typeof value !== "object" || value === null) return false;
  const { key, id } = value as Partial<Record<keyof SandboxRecord, unknown>>;
  return typeof key === "string" && typeof id === "string";
}

function alreadyExists(cause: unknown): SandboxError {
  return new SandboxError({
    code: "already-exists",
    message: "This key has a sandbox already; find it instead of creating it.",
    cause,
  });
}

function requireKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes > 0 && bytes <= MAX_KEY_BYTES && key.isWellFormed() && !key.includes("\0")) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `A key has 1 to ${MAX_KEY_BYTES} bytes of UTF-8 and no NUL; this one has ${bytes}.`,
  });
}
