import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { chown, lstat, mkdir, readFile, readdir, rename, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { SandboxError } from "@carrel/backend-protocol";

const DIRECTORY_MODE = 0o700;
const TRASH = ".trash";
const INSTALLATION_FILE = "installation-id";
const KEY_FILE = "key";
const DELETE_TIMEOUT_MS = 10 * 60 * 1000;
const MAX_KEY_BYTES = 512;
const HASH = /^[0-9a-f]{64}$/;

const run = promisify(execFile);

/** The directories of one sandbox on the host. Only the engine mounts what is in them. */
export interface Workspace {
  directory: string;
  workspace: string;
  home: string;
}

/** @throws `invalid-argument` where the key is none */
export function hashKey(key: string): string {
  const bytes = Buffer.byteLength(key);
  if (bytes === 0 || bytes > MAX_KEY_BYTES || key.includes("\0") || !key.isWellFormed()) {
    throw new SandboxError({
      code: "invalid-argument",
      message: `A key must be 1 to ${MAX_KEY_BYTES} bytes of text without NUL, not ${bytes} bytes.`,
    });
  }
  return createHash("sha256").update(key).digest("hex");
}

/**
 * Where the files of all users lie: `<root>/<hash of the key>/{workspace,home}`, owned by the
 * sandboxes' uid, in directories that only this process's user enters. What users make is never
 * opened from here: links in it could lead anywhere.
 */
export class Workspaces {
  readonly #root: string;
  readonly #uid: number;

  private constructor(root: string, uid: number) {
    this.#root = root;
    this.#uid = uid;
  }

  /** @throws `invalid-argument` where the root cannot be used */
  static async open(root: string, uid: number): Promise<Workspaces> {
    if (!isAbsolute(root)) {
      throw new SandboxError({
        code: "invalid-argument",
        message: `workspaceRoot must be an absolute path, not ${JSON.stringify(root)}.`,
      });
    }
    await mkdir(join(root, TRASH), { recursive: true, mode: DIRECTORY_MODE });
    await requireOwn(root, "workspaceRoot");
    const workspaces = new Workspaces(root, uid);
    await workspaces.#emptyTrash();
    return workspaces;
  }

  /** Names this installation among others on the same engine; made once. */
  async installationId(): Promise<string> {
    const file = join(this.#root, INSTALLATION_FILE);
    const drawn = randomUUID();
    try {
      await writeFile(file, drawn, { flag: "wx", mode: 0o600 });
      return drawn;
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
    return (await readFile(file, "utf8")).trim();
  }

  async make(key: string): Promise<Workspace> {
    const places = this.#places(hashKey(key));
    await mkdir(places.directory, { recursive: true, mode: DIRECTORY_MODE });
    await requireOwn(places.directory, "The directory of a sandbox");
    await writeFile(join(places.directory, KEY_FILE), key, { mode: 0o600 });
    for (const path of [places.workspace, places.home]) await this.#makeForUser(path);
    return places;
  }

  /** The key of a hash that a sandbox was made for, or `null`. */
  async keyOf(hash: string): Promise<string | null> {
    if (!HASH.test(hash)) return null;
    try {
      const key = await readFile(join(this.#root, hash, KEY_FILE), "utf8");
      return hashKey(key) === hash ? key : null;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return null;
      throw error;
    }
  }

  /**
   * Delete a user's files; no container may use them any more. They are out of the way at once, also
   * where deleting them takes long or is cut off. `false` where there were none.
   */
  async delete(key: string): Promise<boolean> {
    const trash = join(this.#root, TRASH, randomUUID());
    try {
      await rename(this.#places(hashKey(key)).directory, trash);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return false;
      throw error;
    }
    await deleteTree(trash);
    return true;
  }

  async #makeForUser(path: string): Promise<void> {
    try {
      await mkdir(path, { mode: DIRECTORY_MODE });
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      return requireDirectory(path);
    }
    if (process.getuid?.() !== this.#uid) await chown(path, this.#uid, this.#uid);
  }

  #places(hash: string): Workspace {
    const directory = join(this.#root, hash);
    return { directory, workspace: join(directory, "workspace"), home: join(directory, "home") };
  }

  async #emptyTrash(): Promise<void> {
    const trash = join(this.#root, TRASH);
    for (const name of await readdir(trash)) await deleteTree(join(trash, name));
  }
}

/** `rm` goes by descriptors: it follows no link, and no depth is too deep for it. */
async function deleteTree(path: string): Promise<void> {
  await run("rm", ["-rf", "--", path], { timeout: DELETE_TIMEOUT_MS });
}

/** The engine resolves the path when it mounts: nobody else may put a link there. */
async function requireOwn(path: string, what: string): Promise<void> {
  const stat = await lstat(path);
  const uid = process.getuid?.() ?? stat.uid;
  if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o022) === 0) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `${what} must be a directory that belongs to this process's user and that nobody else can write to.`,
    cause: new Error(path),
  });
}

async function requireDirectory(path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) return;
  throw new SandboxError({
    code: "unavailable",
    message: "Something else stands where the files of a sandbox were.",
    cause: new Error(path),
  });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
