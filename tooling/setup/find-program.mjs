import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Where the first of these programs is that can be found: on the PATH, then in further folders.
 *
 * @type {(names: readonly string[], folders?: readonly string[]) => string | undefined}
 */
export function findProgram(names, folders = []) {
  const directories = (process.env.PATH ?? "").split(delimiter).concat(folders);
  return names
    .flatMap((name) => directories.map((directory) => join(directory, name)))
    .find((file) => existsSync(file));
}
