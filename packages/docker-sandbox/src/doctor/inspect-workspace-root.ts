import { access, constants, lstat, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { HostCheck } from "./host-report.ts";
import { missing, ok, warning } from "./host-report.ts";

const GIBIBYTE = 1024 ** 3;
const MIN_FREE_BYTES = 5 * GIBIBYTE;
const MIN_FREE_SHARE = 0.1;

/** The disk of all users' files. A root that is not there yet is looked at where it would be made. */
export async function inspectWorkspaceRoot(
  workspaceRoot: string,
  engineDirectory: string | null,
): Promise<HostCheck[]> {
  const name = "workspaces";
  const place = await existingPart(workspaceRoot);
  const { blocks, bavail, bsize } = await statfs(place);
  const obstacle = blocks === 0 ? `${place} is on no disk` : await obstacleAt(place, workspaceRoot);
  if (obstacle !== null) {
    const elsewhere = "Set CARREL_DATA_DIR or CARREL_WORKSPACE_ROOT to a place of this user.";
    return [missing(name, `${workspaceRoot} cannot be used: ${obstacle}`, elsewhere)];
  }
  const [freeBytes, sizeBytes] = [bavail * bsize, blocks * bsize];
  const amount = `${(freeBytes / GIBIBYTE).toFixed(1)} of ${(sizeBytes / GIBIBYTE).toFixed(1)} GiB`;
  const found = `${amount} free at ${workspaceRoot}`;
  const advice = "Free some of the disk, or set CARREL_WORKSPACE_ROOT to a larger one.";
  if (freeBytes === 0) return [missing(name, found, advice)];
  const scarce = freeBytes < MIN_FREE_BYTES || freeBytes < MIN_FREE_SHARE * sizeBytes;
  const space = scarce ? warning(name, found, advice) : ok(name, found);
  if (engineDirectory === null || !(await onOneDisk(place, engineDirectory))) return [space];
  return [
    space,
    warning(
      "disks",
      "users' files and the engine's containers are on one disk",
      "Put the workspaces on a disk of their own, so that a full one stops neither.",
    ),
  ];
}

/** Why users' files cannot lie there, or `null`. @param place the part of the root that is there */
async function obstacleAt(place: string, workspaceRoot: string): Promise<string | null> {
  try {
    await access(place, constants.W_OK | constants.X_OK);
  } catch {
    return `this user may not write at ${place}`;
  }
  const found = await lstat(place);
  if (!(await stat(place)).isDirectory()) return `${place} is no directory`;
  if (place !== workspaceRoot) return null;
  if (!found.isDirectory()) return "it is a link";
  if (found.uid !== (process.getuid?.() ?? found.uid)) return "it belongs to another user";
  return (found.mode & 0o022) === 0 ? null : "others may write there (chmod 700 ends that)";
}

async function existingPart(path: string): Promise<string> {
  const parent = dirname(path);
  return parent === path || (await deviceOf(path)) !== null ? path : existingPart(parent);
}

async function onOneDisk(one: string, other: string): Promise<boolean> {
  const device = await deviceOf(one);
  return device !== null && device === (await deviceOf(other));
}

async function deviceOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).dev;
  } catch {
    return null; // not there, or hidden from this user
  }
}
