import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { pathToBytes, resolveSandboxPath, SandboxError } from "@carrel/backend-protocol";
import type { Mount } from "../mounts.ts";
import { hostErrorCode, translateHostError } from "./host-error.ts";

/** A path of the sandbox that lies in one of its mounts. */
export interface Place {
  /** Absolute path in the sandbox. */
  path: string;
  /** The same on the host, as bytes: Linux names need not be UTF-8. */
  hostPath: Buffer;
  /** It is the mount itself, which cannot be removed or moved. */
  isMount: boolean;
  /** The names below the mount that lead to it. */
  names: readonly string[];
  mount: Mount;
}

/** What stands at a place; links are never followed. */
export interface Entry extends Place {
  stats: Stats;
}

export interface FileTreeOptions {
  workDir: string;
  mounts: readonly Mount[];
  draftsHostPath: string;
}

/**
 * The paths of a sandbox and where they lie on the host. Every part of a path is looked at before
 * it is entered, and a symbolic link is refused: the commands inside cannot make one, so one that
 * is there came from elsewhere.
 */
export class FileTree {
  readonly workDir: string;
  readonly mounts: readonly Mount[];
  /** A directory of the host, on the file system of the mounts, for contents that are not whole yet. */
  readonly draftsHostPath: string;

  constructor({ workDir, mounts, draftsHostPath }: FileTreeOptions) {
    this.workDir = workDir;
    this.mounts = mounts;
    this.draftsHostPath = draftsHostPath;
  }

  resolve(path: string): string {
    return resolveSandboxPath(this.workDir, path);
  }

  /** Names in a directory that exists only because mounts lie below it, such as `/`. */
  virtualNames(path: string): string[] | null {
    const prefix = path === "/" ? "/" : `${path}/`;
    const below = this.mounts.filter((mount) => mount.path.startsWith(prefix));
    if (below.length === 0) return null;
    return [...new Set(below.map((mount) => mount.path.slice(prefix.length).split("/")[0]!))];
  }

  /** Where a path lies, or `null` where it is in no mount. Nothing is looked at. */
  place(path: string): Place | null {
    const resolved = this.resolve(path);
    const mount = this.mounts.find(
      (candidate) => resolved === candidate.path || resolved.startsWith(`${candidate.path}/`),
    );
    if (!mount) return null;
    const below = resolved.slice(mount.path.length);
    return {
      path: resolved,
      hostPath: Buffer.concat([Buffer.from(mount.hostPath), pathToBytes(below)]),
      isMount: below === "",
      names: below.split("/").slice(1),
      mount,
    };
  }

  /** What stands at a path, or `null` where nothing does, also where a parent is no directory. */
  async find(path: string): Promise<Entry | null> {
    const place = this.place(path);
    if (!place) return null;
    if ((await this.#parentsOf(place)) !== "directories") return null;
    return this.#look(place);
  }

  /** Like `find`, for what must be there. @throws `not-found` */
  async get(path: string): Promise<Entry> {
    const entry = await this.find(path);
    if (!entry) throw notFound(this.resolve(path));
    return entry;
  }

  /**
   * Where something can be written, with what stands there now.
   * @throws `permission-denied` outside of the mounts, `is-directory` where mounts lie below,
   * `not-directory` where a parent is a file
   */
  async target(path: string): Promise<{ place: Place; entry: Entry | null }> {
    const place = this.writable(path);
    const parents = await this.#parentsOf(place);
    if (parents === "blocked") {
      throw new SandboxError({
        code: "not-directory",
        message: `Cannot write ${show(place.path)}: a part of the path is a file.`,
      });
    }
    return { place, entry: parents === "missing" ? null : await this.#look(place) };
  }

  writable(path: string): Place {
    const place = this.place(path);
    if (place) return place;
    if (this.virtualNames(this.resolve(path))) throw isDirectory(this.resolve(path));
    const allowed = this.mounts.map((mount) => mount.path).join(", ");
    throw new SandboxError({
      code: "permission-denied",
      message: `Cannot write ${show(this.resolve(path))}: only paths below ${allowed} can be written.`,
    });
  }

  async #look(place: Place): Promise<Entry | null> {
    try {
      return { ...place, stats: await lstat(place.hostPath) };
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(hostErrorCode(error))) return null;
      throw translateHostError(error, place.path);
    }
  }

  async #parentsOf(place: Place): Promise<"directories" | "missing" | "blocked"> {
    for (let depth = 1; depth < place.names.length; depth++) {
      const parent = this.place([place.mount.path, ...place.names.slice(0, depth)].join("/"))!;
      const entry = await this.#look(parent);
      if (!entry) return "missing";
      if (entry.stats.isSymbolicLink()) throw refusedLink(parent.path);
      if (!entry.stats.isDirectory()) return "blocked";
    }
    return "directories";
  }
}

export function notFound(path: string): SandboxError {
  return new SandboxError({ code: "not-found", message: `There is nothing at ${show(path)}.` });
}

export function isDirectory(path: string): SandboxError {
  return new SandboxError({ code: "is-directory", message: `${show(path)} is a directory.` });
}

export function refusedLink(path: string): SandboxError {
  return new SandboxError({
    code: "not-regular",
    message: `${show(path)} is a symbolic link, which this sandbox does not follow.`,
  });
}

/** A path as it stands in messages: escaped, so that a name cannot forge another line. */
export function show(path: string): string {
  return JSON.stringify(path);
}
