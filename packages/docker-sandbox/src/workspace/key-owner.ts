import { readlink, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { lstatIfThere, removeIfThere } from "../warm/if-there.ts";
import { giveBelow, giveTree } from "./give-tree.ts";
import { hasErrno, makeForUser, requireForUser } from "./own-directory.ts";
import { GIVING } from "./key-directory.ts";
import type { DirectoryContents } from "./key-directory.ts";
import type { Uids } from "./uids.ts";

const PLACES = ["workspace", "home"] as const;

/**
 * Which uid the files of a key belong to: the owner of its directories. If they are not all one
 * sandbox's, the key gets a uid, which a link beside the files names until all is given to it. Making
 * that link is atomic, so that all who come meanwhile, or after a crash, give them to the same one.
 */
export class KeyOwner {
  readonly uids: Uids;

  constructor(uids: Uids) {
    this.uids = uids;
  }

  /** Describes both directories, of a uid of their own, for a key that has none. */
  newDirectories(): DirectoryContents {
    let uid: number | null = null;
    return {
      make: async (draft) => {
        uid ??= await this.uids.take();
        for (const place of PLACES) await makeForUser(join(draft, place), uid);
      },
      unmake: async (draft) => {
        for (const place of PLACES) await removeIfThere(join(draft, place));
        if (uid !== null) await this.uids.free(uid);
        uid = null;
      },
    };
  }

  /** Decides whose the files are to be, without touching them, and makes the directories that are missing. */
  async prepare(directory: string): Promise<number> {
    const uid = await this.#decide(directory);
    const own = this.uids.shared !== null;
    for (const place of PLACES) await makeForUser(join(directory, place), uid, own);
    return uid;
  }

  /**
   * Gives the files to the uid that they are to have, if they are not its own yet. Nothing may run on
   * them, unless that has this uid already.
   */
  async settle(directory: string, signal?: AbortSignal): Promise<number> {
    const uid = await this.#decide(directory);
    await this.require(directory, uid);
    if ((await this.#given(directory)) === null) return uid;
    for (const place of PLACES) await giveTree(join(directory, place), uid, signal);
    await rm(join(directory, GIVING), { force: true });
    return uid;
  }

  /** @throws `unavailable` if one is no directory, or not of the one uid that all have */
  async require(directory: string, uid: number): Promise<void> {
    const only = this.uids.shared !== null;
    for (const place of PLACES) await requireForUser(join(directory, place), uid, only);
  }

  /** Makes the directories of a slot, which is nobody's yet. @returns their uid */
  async makeSlot(directory: string): Promise<number> {
    const uid = await this.uids.take();
    await Promise.all(PLACES.map((place) => makeForUser(join(directory, place), uid)));
    return uid;
  }

  /** Gives all that came into a slot's directory to its owner. */
  async giveToOwner(path: string): Promise<void> {
    if (this.uids.shared !== null) return;
    const found = await lstatIfThere(path);
    if (found?.isDirectory()) await giveBelow(path, found.uid);
  }

  /** Makes a directory into which a key's files are moved back. @param from where they are */
  async makePlace(directory: string, place: string, from: string): Promise<void> {
    const { shared } = this.uids;
    const [owner = null] = (await ownersIn(directory)).filter((uid) => uid !== null);
    const uid = shared ?? owner ?? (await lstatIfThere(from))?.uid;
    if (uid !== undefined) await makeForUser(join(directory, place), uid, shared !== null);
    if (shared !== null) return;
    const found = await lstatIfThere(join(directory, place));
    if (found) await giveBelow(from, found.uid);
  }

  /** Reports whether the files are being given away. */
  async isGiving(directory: string): Promise<boolean> {
    return (await this.#given(directory)) !== null;
  }

  /** The uids that own directories of a key now, or are about to. */
  async uidsOf(directory: string): Promise<number[]> {
    const uids = [await this.#given(directory), ...(await ownersIn(directory))];
    return [...new Set(uids)].filter((uid) => uid !== null);
  }

  /** After directories went away: frees what owned them, unless it has one in their place. */
  async free(uids: readonly number[], directory: string): Promise<void> {
    const kept = await this.uidsOf(directory);
    for (const uid of uids) if (!kept.includes(uid)) await this.uids.free(uid);
  }

  async #decide(directory: string): Promise<number> {
    if (this.uids.shared !== null) return this.uids.shared;
    const given = await this.#given(directory);
    if (given !== null) return given;
    const owners = await ownersIn(directory);
    const own = owners.find((uid) => uid !== null && this.uids.includes(uid)) ?? null;
    if (own !== null && owners.every((uid) => uid === null || uid === own)) return own;
    const uid = own ?? (await this.uids.take());
    try {
      await symlink(String(uid), join(directory, GIVING));
      return uid;
    } catch (error) {
      if (own === null) await this.uids.free(uid);
      if (!hasErrno(error, "EEXIST")) throw error;
      return this.#decide(directory);
    }
  }

  async #given(directory: string): Promise<number | null> {
    try {
      const uid = Number(await readlink(join(directory, GIVING)));
      return this.uids.includes(uid) ? uid : null;
    } catch (error) {
      // Nothing is there, or no link.
      if (hasErrno(error, "ENOENT", "EINVAL", "ENOTDIR")) return null;
      throw error;
    }
  }
}

/** Returns the owners of the workspace and the home; `null` for one that is not there. */
function ownersIn(directory: string): Promise<(number | null)[]> {
  return Promise.all(
    PLACES.map(async (place) => (await lstatIfThere(join(directory, place)))?.uid ?? null),
  );
}
