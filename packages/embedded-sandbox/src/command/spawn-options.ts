import { checkCommand } from "@carrel/backend-protocol";
import type { CheckedCommandOptions, SpawnOptions } from "@carrel/backend-protocol";
import { notFound } from "../files/file-tree.ts";
import type { FileTree } from "../files/file-tree.ts";
import { requireDirectory } from "../files/list.ts";
import { HOME_DIR } from "../mounts.ts";

export interface CheckedSpawn extends CheckedCommandOptions {
  cwd: string;
  signal: AbortSignal | undefined;
}

const BASE_ENVIRONMENT: Readonly<Record<string, string>> = {
  HOME: HOME_DIR,
  USER: "agent",
  LANG: "C.UTF-8",
  NO_COLOR: "1",
  PATH: "/usr/bin:/bin",
  // Python would otherwise give the host's path of its interpreter here.
  _: "/usr/bin/bash",
};

/** @throws `invalid-argument`, `not-found`, `not-directory` */
export async function checkSpawn(
  tree: FileTree,
  command: string,
  options: SpawnOptions,
): Promise<CheckedSpawn> {
  const checked = checkCommand(command, options);
  return {
    ...checked,
    cwd: await requireWorkingDirectory(tree, options.cwd ?? tree.workDir),
    env: { ...BASE_ENVIRONMENT, ...checked.env },
    signal: options.signal,
  };
}

async function requireWorkingDirectory(tree: FileTree, cwd: string): Promise<string> {
  const resolved = tree.resolve(cwd);
  if (tree.virtualNames(resolved)) return resolved;
  const entry = await tree.find(cwd);
  if (!entry) throw notFound(resolved);
  requireDirectory(entry);
  return resolved;
}
