import { randomInt } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { lstatIfThere, namesIn, removeIfThere } from "../warm/if-there.ts";
import { makeFileOnce } from "./make-file-once.ts";
import { hasErrno, makeOwn } from "./own-directory.ts";
import type { UidRange } from "./uid-range.ts";
import { chooseBlock, contains, parseRange } from "./uid-range.ts";

const MARKERS = ".uids";
const RANGE_FILE = "uid-range";
/** How many uids that are taken are passed over before the range counts as full. */
const MAX_TRIES = 10_000;
/** A reserved uid that nothing has is about to be used, unless it was reserved so long ago. */
export const UID_UNUSED_AFTER_MS: number = 60 * 60_000;

/** The uids that the sandboxes of one installation run as. */
export interface Uids {
  /** The one uid of all sandboxes, or `null` if each has its own. */
  readonly shared: number | null;
  /** Reserves a uid that no other sandbox has, in whatever process. @throws `unavailable` if none is left */
  take(): Promise<number>;
  /** Gives back a uid that has no files and no container any more. Ignores uids of others. */
  free(uid: number): Promise<void>;
  /** Reports whether a sandbox may have it. */
  includes(uid: number): boolean;
}

/** All sandboxes have one uid, because this process can give files to nobody but itself. */
export class SharedUid implements Uids {
  readonly shared: number;

  constructor(uid: number) {
    this.shared = uid;
  }

  take(): Promise<number> {
    return Promise.resolve(this.shared);
  }

  free(): Promise<void> {
    return Promise.resolve();
  }

  includes(uid: number): boolean {
    return uid === this.shared;
  }
}

/** Uids of a range. The directory `<root>/.uids/<uid>`, which one process alone can make, reserves one. */
export class ReservedUids implements Uids {
  readonly shared = null;
  readonly #range: UidRange;
  readonly #markers: string;

  private constructor(range: UidRange, markers: string) {
    this.#range = range;
    this.#markers = markers;
  }

  /**
   * @param given the range that the operator chose; otherwise one is chosen once and kept in the root
   * @param usedByOthers uids that containers of other installations have
   */
  static async open(
    root: string,
    given: UidRange | undefined,
    usedByOthers: () => Promise<readonly number[]>,
  ): Promise<ReservedUids> {
    const markers = join(root, MARKERS);
    await makeOwn(markers, `${MARKERS} in workspaceRoot`);
    return new ReservedUids(given ?? (await keptRange(root, usedByOthers)), markers);
  }

  async take(): Promise<number> {
    const { first, count } = this.#range;
    const start = randomInt(count);
    for (let offset = 0; offset < Math.min(count, MAX_TRIES); offset++) {
      const uid = first + ((start + offset) % count);
      try {
        await mkdir(join(this.#markers, String(uid)), { mode: 0o700 });
        return uid;
      } catch (error) {
        if (!hasErrno(error, "EEXIST")) throw error;
      }
    }
    throw new SandboxError({
      code: "unavailable",
      message: `No uid was found free among the ${count} from ${first}. Remove sandboxes, or choose a larger range with the option uids.`,
    });
  }

  async free(uid: number): Promise<void> {
    if (this.includes(uid)) await removeIfThere(join(this.#markers, String(uid)));
  }

  includes(uid: number): boolean {
    return contains(this.#range, uid);
  }

  /** Frees what processes left that were killed. @param findUsed is asked after the markers were read */
  async sweep(findUsed: () => Promise<ReadonlySet<number>>): Promise<void> {
    const before = Date.now() - UID_UNUSED_AFTER_MS;
    const old: string[] = [];
    for (const name of await namesIn(this.#markers)) {
      const found = await lstatIfThere(join(this.#markers, name));
      if (found !== null && found.mtimeMs < before) old.push(name);
    }
    if (old.length === 0) return;
    const used = await findUsed();
    for (const name of old) {
      if (!used.has(Number(name))) await removeIfThere(join(this.#markers, name));
    }
  }
}

/** Returns the range in the root, which several processes agree on. */
async function keptRange(
  root: string,
  usedByOthers: () => Promise<readonly number[]>,
): Promise<UidRange> {
  const file = join(root, RANGE_FILE);
  const kept = await readRange(file);
  if (kept) return kept;
  const { first, count } = chooseBlock(await usedByOthers());
  await makeFileOnce(file, `${first} ${count}\n`);
  return (await readRange(file)) ?? { first, count };
}

async function readRange(file: string): Promise<UidRange | null> {
  try {
    const range = parseRange(await readFile(file, "utf8"));
    if (range) return range;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return null;
    throw error;
  }
  throw new SandboxError({
    code: "invalid-argument",
    message: `${RANGE_FILE} in workspaceRoot must be two numbers, the first uid and how many; correct it, or remove it so that another range is chosen.`,
  });
}
