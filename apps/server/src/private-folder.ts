import { chmod, lstat, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { ConfigError } from "./config.ts";

const OTHERS = 0o077;
const STICKY = 0o1000;
const OWNER = 0o700;

/** By these, a folder that others can read is known to be one that the server made. */
const OWN_ENTRIES: ReadonlySet<string> = new Set([".lock", "carrel.db", "workspaces", "docker"]);

export interface PrivateFolderOptions {
  /** The variable that names the folder, for errors. */
  variable: string;
  logger: Logger;
  /**
   * What becomes of a folder that others can read and that holds what is not the server's: to close
   * it could break what else is in it. It is closed all the same, refused, or kept with a warning.
   */
  ifForeign: "close" | "refuse" | "keep";
}

/**
 * Makes a folder for this user alone, or takes an existing one and closes it to others; one that is
 * the server's own with the files right in it. A link to a folder is followed: the folder behind it counts.
 *
 * @throws ConfigError if it cannot be made, or cannot be closed
 */
export async function makePrivateFolder(
  path: string,
  options: PrivateFolderOptions,
): Promise<void> {
  const { variable, logger, ifForeign } = options;
  const folder = await makeFolder(path, variable);
  // The bits mean nothing there; folders of a user are closed by lists of their own.
  if (process.platform === "win32") return;
  const { mode } = await stat(folder);
  const names = await readdir(folder);
  if ((mode & OTHERS) !== 0) {
    if (ifForeign !== "close" && !isOwn(mode, names)) {
      if (ifForeign === "refuse")
        throw cannotClose({
          variable,
          path,
          mode,
          why: "it holds files that are not Carrel's, or is a folder that everybody shares",
        });
      logger.warn({ variable }, "a folder of sandboxes can be read by other users of this machine");
      return;
    }
    await close(folder, mode, { variable, path });
    logger.warn(
      { variable },
      "a folder that other users of this machine could read was closed to them",
    );
  }
  if (ifForeign === "refuse" && isOwn(mode, names)) {
    await closeFiles(folder, names, { variable, path });
  }
}

async function makeFolder(path: string, variable: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: OWNER });
    return await realpath(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`${variable} is ${path}, which cannot be made or used. ${why}`]);
  }
}

function isOwn(mode: number, names: readonly string[]): boolean {
  if ((mode & STICKY) !== 0) return false;
  return names.length === 0 || names.some((name) => OWN_ENTRIES.has(name));
}

interface Described {
  variable: string;
  path: string;
}

async function closeFiles(
  folder: string,
  names: readonly string[],
  described: Described,
): Promise<void> {
  for (const name of names) {
    const file = join(folder, name);
    const stats = await lstat(file).catch(() => null);
    if (stats?.isFile() !== true || (stats.mode & OTHERS) === 0) continue;
    await close(file, stats.mode, { ...described, path: file });
  }
}

// Some file systems take every mode and keep none.
async function close(place: string, mode: number, { variable, path }: Described): Promise<void> {
  try {
    await chmod(place, mode & OWNER);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw cannotClose({ variable, path, mode, why });
  }
  if (((await stat(place)).mode & OTHERS) !== 0) {
    throw cannotClose({ variable, path, mode, why: "its file system keeps no modes" });
  }
}

function cannotClose({
  variable,
  path,
  mode,
  why,
}: Described & { mode: number; why: string }): ConfigError {
  const shown = (mode & 0o7777).toString(8);
  return new ConfigError([
    `${variable}: ${path} has mode ${shown}, so that other users of this machine can read what users said, and it cannot be closed to them (${why}). Run chmod 700 on it, or set ${variable} to a folder of its own.`,
  ]);
}
