import { randomUUID } from "node:crypto";
import { lstat, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import type { FileSources } from "../hardening/create-body.ts";
import { deleteTree } from "../workspace/delete-tree.ts";
import { MAX_QUICK_ENTRIES, entriesBelow } from "../workspace/give-tree.ts";
import type { KeyOwner } from "../workspace/key-owner.ts";
import {
  makeMark,
  markFor,
  markedFor,
  passOn,
  publishDirectory,
  removeEmpty,
  removeMark,
} from "../workspace/key-directory.ts";
import { hasErrno, makeOwn } from "../workspace/own-directory.ts";
import {
  entriesOf,
  lstatIfThere,
  moveIntoPlace,
  namesIn,
  readIfThere,
  removeIfThere,
  renameIfThere,
  someEntriesOf,
} from "./if-there.ts";
import { allDone } from "./in-parallel.ts";
import { exchange, moveEntries } from "./move-entries.ts";
import type { Contents } from "./move-entries.ts";

const SLOTS = ".slots";
const CLAIMS = ".claims";
const KEY_FILE = "key";
const PLACES = ["workspace", "home"] as const;
const OWNER_WRITES = 0o200;
const OWNER_MAY_ALL = 0o700;
/** To move more would take longer than to make a sandbox. */
const MAX_ENTRIES = 4000;
/** How often a claim is undone that somebody goes on with meanwhile. */
const MAX_ROUNDS = 10;
const KEY_HASH = /^[0-9a-f]{64}$/;
const CLAIM_NAME = /^([0-9a-f-]+)\.([0-9a-f]{64})$/;

/** That a slot is being made the place of a key's files. */
export interface Claim {
  slotId: string;
  keyHash: string;
}

/** What a key had before its name was given to a slot's container. */
export interface Survey {
  /** Whose its files were; `null` where they were nobody's, or there were none. */
  holder: string | null;
  workspace: Contents | null;
  home: Contents | null;
}

/** Id of the sandbox that a slot becomes. */
export function sandboxIdOfSlot(slotId: string): string {
  return `docker-${slotId.slice(slotId.lastIndexOf("-") + 1)}`;
}

export interface SlotDirectoriesOptions {
  root: string;
  /** Directory for what is to be deleted. */
  trash: string;
  owner: KeyOwner;
}

/**
 * Directories of sandboxes that are nobody's yet, in `<root>/.slots/<id>/{workspace,home}`, and how
 * one becomes those of a key. A slot that is taken stands in `<root>/.claims/<id>.<hash of the key>`
 * until all is done: that name is the journal. Each step may be done again, also by several at once.
 *
 * Where a key has nothing, the slot's directory becomes the key's. What users made is moved by the
 * names of the top entries, and never opened. It moves only while the container that has the slot has
 * the key's name, and nothing of the user's runs in it.
 */
export class SlotDirectories {
  readonly #options: SlotDirectoriesOptions;

  constructor(options: SlotDirectoriesOptions) {
    this.#options = options;
  }

  /** @throws `invalid-argument` where the root cannot have slots */
  async open(): Promise<void> {
    const { root } = this.#options;
    for (const name of [SLOTS, CLAIMS]) await makeOwn(join(root, name), `${name} in workspaceRoot`);
    const paths = [root, join(root, SLOTS), join(root, CLAIMS)];
    const found = await Promise.all(paths.map((path) => lstat(path)));
    if (new Set(found.map(({ dev }) => dev)).size === 1) return;
    throw new SandboxError({
      code: "invalid-argument",
      message: `A warm pool needs ${SLOTS} and ${CLAIMS} on the filesystem of workspaceRoot; unmount them.`,
    });
  }

  sources(slotId: string): FileSources {
    const directory = this.#slot(slotId);
    return {
      type: "bind",
      workspace: join(directory, "workspace"),
      home: join(directory, "home"),
    };
  }

  /** Makes a slot with a uid of its own, which its next user gets with it. */
  async make(slotId: string): Promise<{ files: FileSources; uid: number }> {
    const slot = this.#slot(slotId);
    await makeOwn(slot, "A slot");
    const [uid] = await Promise.all([
      this.#options.owner.makeSlot(slot),
      makeMark(slot, sandboxIdOfSlot(slotId)),
    ]);
    return { files: this.sources(slotId), uid };
  }

  /**
   * Take a slot away from all who might claim it. The function that this gives deletes it, once its
   * container is gone; `null` where it is not there any more.
   */
  async setAside(slotId: string): Promise<(() => Promise<void>) | null> {
    const { owner, trash: parent } = this.#options;
    const trash = join(parent, randomUUID());
    const slot = this.#slot(slotId);
    const uids = await owner.uidsOf(slot);
    if (!(await renameIfThere(slot, trash))) return null;
    return async () => {
      await deleteTree(trash);
      await owner.free(uids, slot);
    };
  }

  /**
   * What a key has; `null` where that cannot become a slot's: it moves by renaming, and by whoever this
   * process runs as.
   */
  async survey(keyHash: string): Promise<Survey | null> {
    const directory = this.#key(keyHash);
    try {
      const device = lstat(join(this.#options.root, CLAIMS)).then(({ dev }) => dev);
      const [holder, workspace, home] = await Promise.all([
        markedFor(directory),
        this.#movable(join(directory, "workspace"), device),
        this.#movable(join(directory, "home"), device),
      ]);
      const survey = { holder, workspace, home };
      return (await this.#canBeGiven(directory, survey)) ? survey : null;
    } catch {
      // Its user may have taken the permission to look. What else it is, the other way tells.
      return null;
    }
  }

  /** The first step, which one alone can do. @returns `false` where the slot is not there any more */
  async take(claim: Claim, sealKey: () => string): Promise<boolean> {
    const taken = renameIfThere(this.#slot(claim.slotId), this.#claim(claim));
    const sealedKey = sealKey();
    if (!(await taken)) return false;
    await writeFile(join(this.#claim(claim), KEY_FILE), sealedKey, { mode: 0o600 });
    return true;
  }

  /** Undo the first step. */
  async giveBack(claim: Claim): Promise<void> {
    await rm(join(this.#claim(claim), KEY_FILE), { force: true });
    await renameIfThere(this.#claim(claim), this.#slot(claim.slotId));
  }

  /**
   * The last steps, once the slot's container has the key's name: what the key has comes in.
   * @param survey what it had before the container got the name
   * @param holdsName asks the engine whether the container has it still
   * @returns `false` where somebody else changed it since: the files came in all the same, and whoever
   *   has the container is to see that they are its sandbox's before it uses them
   * @throws `unavailable`, `no-space`
   */
  async finish(claim: Claim, survey: Survey, holdsName: () => Promise<boolean>): Promise<boolean> {
    const [source, target] = [this.#claim(claim), this.#key(claim.keyHash)];
    const { holder, workspace, home } = survey;
    try {
      const hasNothing = holder === null && workspace === null && home === null;
      if (!hasNothing || !(await moveIntoPlace(source, target))) {
        if (!(await passOn(target, holder, sandboxIdOfSlot(claim.slotId)))) {
          await this.settle(claim, holdsName);
          return false;
        }
        await this.#bringIn(claim, survey);
      }
      await this.restore(claim.keyHash);
      const before = [workspace, home].flatMap((contents) => contents?.uid ?? []);
      await this.#options.owner.free(before, target);
      return true;
    } catch (error) {
      throw unmovable(error);
    }
  }

  /**
   * Finish a claim that was cut off; does nothing where there is none, or where its container has not
   * the key's name any more.
   * @throws as `finish`
   */
  async settle(claim: Claim, holdsName: () => Promise<boolean>): Promise<void> {
    const [source, target] = [this.#claim(claim), this.#key(claim.keyHash)];
    try {
      if (!(await lstatIfThere(source)) || (await moveIntoPlace(source, target))) return;
      await publishDirectory(target, this.#options.trash);
      // Before anything moves: from then on nobody takes away what they looked at before.
      const sandboxId = sandboxIdOfSlot(claim.slotId);
      if (await markFor(target, { sandboxId, holdsName })) await this.#bringIn(claim);
    } catch (error) {
      throw unmovable(error);
    }
  }

  /**
   * Undo a claim whose container is gone: what was moved lies again where it was.
   * @throws `unavailable`, `no-space`
   */
  async undo(claim: Claim): Promise<void> {
    const source = this.#claim(claim);
    const { owner } = this.#options;
    try {
      const uids = await owner.uidsOf(source);
      for (let round = 1; await lstatIfThere(source); round++) {
        await this.#moveBack(claim);
        await rm(join(source, KEY_FILE), { force: true });
        await removeMark(source, sandboxIdOfSlot(claim.slotId));
        const empty = PLACES.map((place) => removeIfThere(join(source, place)));
        if ((await Promise.all(empty)).every(Boolean) && (await removeIfThere(source))) break;
        if (round === MAX_ROUNDS) throw new Error(`${MAX_ROUNDS} rounds left something`);
      }
      await removeEmpty(this.#key(claim.keyHash), sandboxIdOfSlot(claim.slotId));
      await owner.free(uids, this.#key(claim.keyHash));
    } catch (error) {
      throw unmovable(error);
    }
  }

  /**
   * Before a container of the key starts, which holds its name: bring back what claims of it took
   * that ended without a container.
   */
  async restore(keyHash: string): Promise<void> {
    const claims = (await this.claims()).filter((claim) => claim.keyHash === keyHash);
    try {
      for (const claim of claims) await this.#moveBack(claim);
    } catch (error) {
      throw unmovable(error);
    }
  }

  /** Claims of a key that was called by another hash before. */
  async renameClaims(before: string, keyHash: string): Promise<void> {
    for (const claim of await this.claims()) {
      if (claim.keyHash !== before) continue;
      await renameIfThere(this.#claim(claim), this.#claim({ ...claim, keyHash }));
    }
  }

  async slots(): Promise<string[]> {
    return namesIn(join(this.#options.root, SLOTS));
  }

  async claims(): Promise<Claim[]> {
    const names = await namesIn(join(this.#options.root, CLAIMS));
    return names.flatMap((name) => {
      const [, slotId, keyHash] = CLAIM_NAME.exec(name) ?? [];
      return slotId !== undefined && keyHash !== undefined ? [{ slotId, keyHash }] : [];
    });
  }

  /** The sealed keys of sandboxes that were slots once, by the hash of the key. */
  async sealedKeys(isWanted: (keyHash: string) => boolean): Promise<Map<string, string>> {
    const { root } = this.#options;
    const hashes = (await namesIn(root)).filter((name) => KEY_HASH.test(name) && isWanted(name));
    const claims = (await this.claims()).filter(({ keyHash }) => isWanted(keyHash));
    const keys = new Map<string, string>();
    const read = async (keyHash: string, directory: string): Promise<void> => {
      const sealed = await readIfThere(join(directory, KEY_FILE));
      if (sealed !== null) keys.set(keyHash, sealed);
    };
    // A key that moves meanwhile is in one of both places when it is looked for in this order.
    for (const claim of claims) await read(claim.keyHash, this.#claim(claim));
    for (const keyHash of hashes) await read(keyHash, this.#key(keyHash));
    return keys;
  }

  #key(keyHash: string): string {
    return join(this.#options.root, keyHash);
  }

  #slot(slotId: string): string {
    return join(this.#options.root, SLOTS, slotId);
  }

  #claim({ slotId, keyHash }: Claim): string {
    return join(this.#options.root, CLAIMS, `${slotId}.${keyHash}`);
  }

  /** @throws where it cannot move */
  async #movable(path: string, device: Promise<number>): Promise<Contents | null> {
    const found = await lstatIfThere(path);
    if (!found) return null;
    const { shared } = this.#options.owner.uids;
    const { mode, uid } = found;
    const isOurs =
      found.isDirectory() && (shared === null || uid === shared) && found.dev === (await device);
    const names = isOurs ? await someEntriesOf(path, MAX_ENTRIES + 1) : [];
    const isMovable =
      isOurs &&
      names.length <= MAX_ENTRIES &&
      // A directory that its owner cannot write to goes nowhere else, unless root moves it.
      (process.getuid?.() === 0 ||
        ((mode & OWNER_MAY_ALL) === OWNER_MAY_ALL && (await ownerWritesAll(path, names))));
    if (!isMovable) throw new Error(`${path} cannot be moved by renaming`);
    return { names, mode, uid };
  }

  /** All can be given to a slot's uid in the time that a claim has. */
  async #canBeGiven(directory: string, survey: Survey): Promise<boolean> {
    const { owner } = this.#options;
    if (owner.uids.shared !== null) return true;
    if (await owner.isGiving(directory)) return false;
    let left = MAX_QUICK_ENTRIES;
    for (const place of PLACES) {
      if ((survey[place]?.names.length ?? 0) === 0) continue;
      const entries = await entriesBelow(join(directory, place), left);
      if (entries === null) return false;
      left -= entries.length;
    }
    return true;
  }

  async #bringIn(claim: Claim, survey?: Survey): Promise<void> {
    const [source, target] = [this.#claim(claim), this.#key(claim.keyHash)];
    const moves = PLACES.map((place) =>
      exchange(join(source, place), join(target, place), {
        seen: survey?.[place],
        give: (slot) => this.#options.owner.giveToOwner(slot),
      }),
    );
    await allDone([
      ...moves,
      renameIfThere(join(source, KEY_FILE), join(target, KEY_FILE)),
      removeMark(source, sandboxIdOfSlot(claim.slotId)),
    ]);
    await removeIfThere(source);
  }

  async #moveBack(claim: Claim): Promise<void> {
    for (const place of PLACES) {
      const from = join(this.#claim(claim), place);
      const names = await entriesOf(from);
      if (names.length === 0) continue;
      const directory = this.#key(claim.keyHash);
      await publishDirectory(directory, this.#options.trash);
      await this.#options.owner.makePlace(directory, place, from);
      await moveEntries(names, from, join(directory, place));
    }
  }
}

async function ownerWritesAll(path: string, names: readonly Buffer[]): Promise<boolean> {
  const entries = names.map((name) => lstatIfThere(Buffer.concat([Buffer.from(`${path}/`), name])));
  return (await Promise.all(entries)).every(
    (entry) => !entry?.isDirectory() || (entry.mode & OWNER_WRITES) !== 0,
  );
}

function unmovable(error: unknown): SandboxError {
  if (SandboxError.isInstance(error)) return error;
  return new SandboxError({
    code: hasErrno(error, "ENOSPC", "EDQUOT") ? "no-space" : "unavailable",
    message:
      "The files of a sandbox could not be moved to where it has them now; none is lost. See that workspaceRoot can be written to, and try again.",
    cause: error,
  });
}
