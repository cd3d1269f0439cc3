import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What the set-up fetches; safe to delete while nothing runs. */
export const CACHE = join(ROOT, ".cache");

const PACKAGE_FOLDERS = ["packages", "apps"];

/**
 * @typedef {{ packageManager: string, name: string, version: string, scripts: Record<string, string> }} Manifest
 * @typedef {{ name: string, directory: string, scripts: Record<string, string> }} WorkspacePackage
 */

/** @type {(directory: string) => Manifest} */
export function readManifest(directory) {
  return /** @type {Manifest} */ (
    JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
  );
}

/** @type {() => WorkspacePackage[]} */
export function workspacePackages() {
  return PACKAGE_FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((name) => join(ROOT, folder, name)),
  )
    .concat(join(ROOT, "samples"), join(ROOT, "tooling"))
    .filter((directory) => existsSync(join(directory, "package.json")))
    .map((directory) => {
      const { name, scripts } = readManifest(directory);
      return { name, directory, scripts };
    });
}
