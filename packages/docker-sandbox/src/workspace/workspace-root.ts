import { randomBytes, randomUUID } from "node:crypto";
import { chmod, lstat, readFile, rename, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { requireInstallationId } from "../container/installation.ts";
import { lstatIfThere, readIfThere } from "../warm/if-there.ts";
import { makeFileOnce } from "./make-file-once.ts";
import { hasErrno, makeOwn, whyNotOwn } from "./own-directory.ts";

const INSTALLATION_FILE = "installation-id";
const HOSTS_FILE = "hosts";
/** `localhost` is one address: servers listen where their clients look, and where the agent looks first. */
const HOSTS = "127.0.0.1\tlocalhost\n::1\tip6-localhost ip6-loopback\n";
const OTHERS = 0o007;
const MODE_BITS = 0o7777;

/** The directory of one installation's files, with the files that are the installation's own. */
export class WorkspaceRoot {
  readonly path: string;
  /** Mounted into each sandbox as `/etc/hosts`. */
  readonly hostsFile: string;
  /** `null` until it was asked for. */
  #installation: string | null = null;

  private constructor(path: string) {
    this.path = path;
    this.hostsFile = join(path, HOSTS_FILE);
  }

  /** @throws `invalid-argument` if it cannot be used */
  static async open(path: string): Promise<WorkspaceRoot> {
    if (!isAbsolute(path) || path.includes("\0")) {
      throw new SandboxError({
        code: "invalid-argument",
        message: `workspaceRoot must be an absolute path, not ${JSON.stringify(path)}.`,
      });
    }
    await makeOwn(path, "workspaceRoot");
    await closeToOthers(path);
    const root = new WorkspaceRoot(path);
    await root.#writeHosts();
    return root;
  }

  /**
   * Returns the id of the installation whose files these are; it is made once.
   * @param wanted the one that it has to be, if it was given
   * @throws `invalid-argument` if it is another
   */
  async installationId(wanted: string | undefined): Promise<string> {
    const file = join(this.path, INSTALLATION_FILE);
    await makeFileOnce(file, wanted ?? randomBytes(16).toString("hex"));
    const id = (await readFile(file, "utf8")).trim();
    requireInstallationId(id);
    this.#installation = id;
    if (wanted === undefined || wanted === id) return id;
    throw new SandboxError({
      code: "invalid-argument",
      message: "workspaceRoot belongs to another installation than installationId says.",
    });
  }

  /**
   * Sees that it is the same directory as at the start, and has the hosts file, without which the engine
   * starts no container. A disk that is not mounted, or a link, are other files.
   * @throws `unavailable`
   */
  async require(): Promise<void> {
    const found = await lstatIfThere(this.path);
    const reason = found === null ? "is not there" : whyNotOwn(found);
    if (reason !== null) throw rootChanged(reason);
    if (this.#installation !== null) await this.#requireInstallation(this.#installation);
    if (!(await lstatIfThere(this.hostsFile))) await this.#writeHosts();
  }

  async #requireInstallation(wanted: string): Promise<void> {
    const id = await readIfThere(join(this.path, INSTALLATION_FILE));
    if (id?.trim() === wanted) return;
    throw rootChanged(`is another directory than at the start (by its ${INSTALLATION_FILE})`);
  }

  /** Whole before it has its name. Containers that run keep the one that they have. */
  async #writeHosts(): Promise<void> {
    const draft = `${this.hostsFile}.${randomUUID()}`;
    try {
      // Read by the users of all sandboxes.
      await writeFile(draft, HOSTS, { mode: 0o644 });
      await chmod(draft, 0o644);
      await rename(draft, this.hostsFile);
    } catch (error) {
      throw translateRootError(error);
    }
  }
}

/** Translates an error of the host's files, unless that was done where it came up. */
export function translateRootError(error: unknown): SandboxError {
  if (SandboxError.isInstance(error)) return error;
  return new SandboxError({
    code: hasErrno(error, "ENOSPC", "EDQUOT") ? "no-space" : "unavailable",
    message: "The directories of a sandbox cannot be made, read or moved; check workspaceRoot.",
    cause: error,
  });
}

/** Keeps users that are neither its owner nor of its group from even listing it. */
async function closeToOthers(root: string): Promise<void> {
  const { mode } = await lstat(root);
  if ((mode & OTHERS) !== 0) await chmod(root, mode & MODE_BITS & ~OTHERS);
}

function rootChanged(reason: string): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: `workspaceRoot ${reason}; bring back the directory that it was, or start the server anew.`,
  });
}
