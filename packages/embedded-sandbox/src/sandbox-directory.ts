import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { HOME_DIR, TEMPORARY_DIR, WORK_DIR } from "./mounts.ts";
import type { Mount } from "./mounts.ts";
import { hostErrorCode } from "./files/host-error.ts";

const RECORD_NAME = "sandbox.json";
const TRASH_PREFIX = ".trash-";
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

  async record(): Promise<SandboxRecord | null> {
    return readRecord(this.#path);
  }

  /** @throws `already-exists` */
  async create(): Promise<SandboxRecord> {
    await this.makeDirectories();
    const id = `embedded-${randomBytes(8).toString("hex")}`;
    const record = { id, key: this.key, createdAt: new Date().toISOString() };
    try {
      await writeFile(join(this.#path, RECORD_NAME), JSON.stringify(record), {
        flag: "wx",
        mode: 0o600,
      });
    } catch (error) {
      if (hostErrorCode(error) !== "EEXIST") throw error;
      throw new SandboxError({
        code: "already-exists",
        message: "This key has a sandbox already; find it instead of creating it.",
        cause: error,
      });
    }
    return record;
  }

  async makeDirectories(): Promise<void> {
    for (const { hostPath } of this.mounts) {
      await mkdir(hostPath, { recursive: true, mode: 0o700 });
    }
  }

  async clearTemporary(): Promise<void> {
    const temporary = join(this.#path, "tmp");
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true, mode: 0o700 });
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
    await rm(trash, { recursive: true, force: true });
  }
}

/** Make the root, and delete what a deletion that was interrupted left behind. */
export async function openRoot(root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const names = await readdir(root);
  const trash = names.filter((name) => name.startsWith(TRASH_PREFIX));
  await Promise.all(trash.map((name) => rm(join(root, name), { recursive: true, force: true })));
}

export async function listRecords(root: string): Promise<SandboxRecord[]> {
  const names = (await readdir(root)).filter((name) => !name.startsWith("."));
  const records = await Promise.all(names.map((name) => readRecord(join(root, name))));
  return records.filter((record) => record !== null);
}

async function readRecord(directory: string): Promise<SandboxRecord | null> {
  try {
    return JSON.parse(await readFile(join(directory, RECORD_NAME), "utf8")) as SandboxRecord;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(hostErrorCode(error))) return null;
    throw error;
  }
}

function requireKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes > 0 && bytes <= MAX_KEY_BYTES && key.isWellFormed() && !key.includes("\0")) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `A key has 1 to ${MAX_KEY_BYTES} bytes of UTF-8 and no NUL; this one has ${bytes}.`,
  });
}
