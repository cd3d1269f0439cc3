import { throwIfAborted } from "@carrel/backend-protocol";
import { lstat } from "node:fs/promises";
import type { Mount } from "../mounts.ts";
import { hostErrorCode } from "./host-error.ts";
import { directoryNames } from "./list.ts";

const BLOCK_BYTES = 512;

/** What all files below the mounts take on disk, in bytes. */
export async function diskUsage(
  mounts: readonly Mount[],
  signal: AbortSignal | undefined,
): Promise<number> {
  let bytes = 0;
  for (const { path, hostPath } of mounts) {
    bytes += await usedBelow(path, Buffer.from(hostPath), signal);
  }
  return bytes;
}

async function usedBelow(
  path: string,
  hostPath: Buffer,
  signal: AbortSignal | undefined,
): Promise<number> {
  throwIfAborted(signal);
  try {
    const stats = await lstat(hostPath);
    let bytes = stats.blocks * BLOCK_BYTES;
    if (!stats.isDirectory()) return bytes;
    for (const name of await directoryNames({ path, hostPath }, { signal })) {
      bytes += await usedBelow(path, Buffer.concat([hostPath, Buffer.from("/"), name]), signal);
    }
    return bytes;
  } catch (error) {
    if (hostErrorCode(error) === "ENOENT") return 0; // removed meanwhile
    throw error;
  }
}
