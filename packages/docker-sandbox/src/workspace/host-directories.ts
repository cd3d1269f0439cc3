import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { LABELS } from "../hardening/create-body.ts";
import type { FileSources } from "../hardening/create-body.ts";
import { SlotDirectories } from "../warm/slot-directories.ts";
import { lstatIfThere, moveIntoPlace, namesIn } from "../warm/if-there.ts";
import { deleteTree } from "./delete-tree.ts";
import type { CheckOptions, FileStore, Holder, TakeOverOptions } from "./file-store.ts";
import { markFor, markedFor, publishDirectory, removeEmpty, takeOut } from "./key-directory.ts";
import { KeyOwner } from "./key-owner.ts";
import { isMissing, makeOwn } from "./own-directory.ts";
import type { UidRange } from "./uid-range.ts";
import { ReservedUids, SharedUid } from "./uids.ts";
import type { Uids } from "./uids.ts";
import { WorkspaceRoot, translateRootError } from "./workspace-root.ts";

const TRASH = ".trash";
/** How often a directory is made that somebody deletes meanwhile. */
const MAKE_ATTEMPTS = 10;

/** A range, `undefined` for one that is chosen once; or one uid for all sandboxes. */
export type UidChoice = { range: UidRange | undefined } | { shared: number };

/**
 * Files of users in `<root>/<hash of the key>/{workspace,home}`, owned by the uid of the
 * key's sandbox, in directories that only this process's user enters.
 */
export class HostDirectories implements FileStore {
  readonly slots: SlotDirectories;
  readonly #checkedRoot: WorkspaceRoot;
  readonly #root: string;
  readonly #trash: string;
  readonly #uids: Uids;
  readonly #owner: KeyOwner;
  #isRecovered = false;
  readonly #end = new AbortController();
  readonly #sweeping: Promise<void>;

  private constructor(root: WorkspaceRoot, uids: Uids) {
    const { path } = root;
    this.#checkedRoot = root;
    this.#root = path;
    this.#uids = uids;
    this.#owner = new KeyOwner(uids);
    this.#trash = join(path, TRASH);
    this.slots = new SlotDirectories({ root: path, trash: this.#trash, owner: this.#owner });
    this.#sweeping = this.#sweep();
  }

  get hostsFile(): string {
    return this.#checkedRoot.hostsFile;
  }

  /**
   * @param usedByOthers uids that other installations on the engine use
   * @throws `invalid-argument` if the root cannot be used
   */
  static async open(
    root: string,
    choice: UidChoice,
    usedByOthers: () => Promise<readonly number[]> = () => Promise.resolve([]),
  ): Promise<HostDirectories> {
    const workspaceRoot = await WorkspaceRoot.open(root);
    await makeOwn(join(root, TRASH), `${TRASH} in workspaceRoot`);
    const uids =
      "shared" in choice
        ? new SharedUid(choice.shared)
        : await ReservedUids.open(root, choice.range, usedByOthers);
    return new HostDirectories(workspaceRoot, uids);
  }

  /** Does what {@link WorkspaceRoot.installationId} does. */
  installationId(wanted: string | undefined): Promise<string> {
    return this.#checkedRoot.installationId(wanted);
  }

  sources(keyHash: string): FileSources {
    const directory = join(this.#root, keyHash);
    return {
      type: "bind",
      workspace: join(directory, "workspace"),
      home: join(directory, "home"),
    };
  }

  async make(keyHash: string): Promise<number> {
    await this.#checkedRoot.require();
    const directory = this.#directory(keyHash);
    for (let attempt = 1; ; attempt++) {
      try {
        await publishDirectory(directory, this.#trash, this.#owner.newDirectories());
        return await this.#owner.prepare(directory);
      } catch (error) {
        // The last sandbox of the key is being destroyed.
        if (!isMissing(error) || attempt === MAKE_ATTEMPTS) throw translateRootError(error);
      }
    }
  }

  async take(keyHash: string, holder: Holder, signal?: AbortSignal): Promise<number> {
    try {
      await this.#mark(keyHash, holder);
    } catch (error) {
      if (!isMissing(error)) throw translateRootError(error);
      await this.make(keyHash);
      await this.#mark(keyHash, holder);
    }
    // Until then a destroyer of the key's last sandbox may have taken something away.
    await this.make(keyHash);
    await this.slots.restore(keyHash);
    try {
      return await this.#owner.settle(this.#directory(keyHash), signal);
    } catch (error) {
      throw translateRootError(error);
    }
  }

  async check(keyHash: string, holder: Holder, options: CheckOptions = {}): Promise<number> {
    await this.#checkedRoot.require();
    await this.slots.restore(keyHash);
    try {
      await this.#mark(keyHash, holder);
      if (options.kept) {
        const uid = await this.unlabelledUid(keyHash);
        await this.#owner.require(this.#directory(keyHash), uid);
        return uid;
      }
      return await this.#owner.settle(this.#directory(keyHash), options.signal);
    } catch (error) {
      throw isMissing(error) ? filesMissing(error) : translateRootError(error);
    }
  }

  async unlabelledUid(keyHash: string): Promise<number> {
    return (await lstat(this.sources(keyHash).workspace)).uid;
  }

  async hasLegacy(legacyHash: string): Promise<boolean> {
    const found = await lstatIfThere(this.#directory(legacyHash));
    if (found?.isDirectory()) return true;
    if (this.#isRecovered) return false;
    return (await this.slots.claims()).some((claim) => claim.keyHash === legacyHash);
  }

  /** From now on no claim is left that was cut off before this process began. */
  recovered(): void {
    this.#isRecovered = true;
  }

  async takeOver(
    legacyHash: string,
    keyHash: string,
    { keepPath }: TakeOverOptions,
  ): Promise<void> {
    const [from, to] = [this.#directory(legacyHash), this.#directory(keyHash)];
    try {
      await this.slots.renameClaims(legacyHash, keyHash);
      const isMoved = await moveIntoPlace(from, to);
      if (!isMoved && (await lstatIfThere(from))?.isDirectory()) throw twoDirectories(from, to);
      if (isMoved && keepPath) await symlink(keyHash, from);
    } catch (error) {
      throw translateRootError(error);
    }
  }

  async sweepUids(inContainers: () => Promise<ReadonlySet<number>>): Promise<void> {
    if (!(this.#uids instanceof ReservedUids)) return;
    const places = [".slots", ".claims", "", TRASH].map((name) => join(this.#root, name));
    await this.#uids.sweep(async () => {
      const used = new Set<number>();
      // In the order in which directories go from one to the next.
      for (const place of places) {
        for (const name of await namesIn(place)) {
          const directory = join(place, name);
          for (const uid of await this.#owner.uidsOf(directory)) used.add(uid);
          // In the trash the directories of a key lie one by one, too.
          const own = await lstatIfThere(directory);
          if (own) used.add(own.uid);
          this.#end.signal.throwIfAborted();
        }
      }
      for (const uid of await inContainers()) used.add(uid);
      return used;
    });
  }

  async labelOfHolder(keyHash: string): Promise<string | null> {
    const sandboxId = await markedFor(this.#directory(keyHash));
    return sandboxId === null ? null : `${LABELS.sandbox}=${sandboxId}`;
  }

  async release(keyHash: string, sandboxId: string): Promise<void> {
    const directory = this.#directory(keyHash);
    const uids = await this.#owner.uidsOf(directory);
    await removeEmpty(directory, sandboxId);
    await this.#owner.free(uids, directory);
  }

  async has(keyHash: string): Promise<boolean> {
    const { workspace, home } = this.sources(keyHash);
    return (await lstatIfThere(workspace)) !== null || (await lstatIfThere(home)) !== null;
  }

  async setAside(keyHash: string, holder: Holder): Promise<() => Promise<void>> {
    const nothing = (): Promise<void> => Promise.resolve();
    if (!(await holder.holdsName())) return nothing;
    await this.slots.restore(keyHash);
    const directory = this.#directory(keyHash);
    const trash = join(this.#trash, randomUUID());
    let uids: number[] = [];
    try {
      if (!(await lstatIfThere(directory))) return nothing;
      if (!(await markFor(directory, holder))) return nothing;
      uids = await this.#owner.uidsOf(directory);
      await mkdir(trash, { mode: 0o700 });
      await takeOut(directory, holder.sandboxId, trash);
    } catch (error) {
      if (isMissing(error)) return nothing;
      throw translateRootError(error);
    }
    return async () => {
      await deleteTree(trash);
      await this.#owner.free(uids, directory);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#sweeping;
  }

  #directory(keyHash: string): string {
    return join(this.#root, keyHash);
  }

  /** @throws `gone` where another sandbox has the key, ENOENT where the directory is not there */
  async #mark(keyHash: string, holder: Holder): Promise<void> {
    if (await markFor(this.#directory(keyHash), holder)) return;
    throw new SandboxError({ code: "gone", message: "This sandbox no longer exists." });
  }

  /** Delete what deletions left that were cut off. Nobody waits for it. */
  async #sweep(): Promise<void> {
    const trash = join(this.#root, TRASH);
    try {
      for (const name of await readdir(trash)) {
        await deleteTree(join(trash, name), this.#end.signal);
      }
    } catch {
      // What cannot be deleted now is tried again at the next start.
    }
  }
}

function twoDirectories(from: string, to: string): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message:
      "A key has files under its older name and its new one. Stop the server that uses older names; then move the files of one directory into the other, and remove it: the server's log names both.",
    cause: new Error(`${from} and ${to}`),
  });
}

function filesMissing(cause: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message:
      "The directories with this sandbox's files are not in workspaceRoot any more; bring them back, or remove the sandbox.",
    cause,
  });
}
