import { SandboxError } from "@carrel/backend-protocol";
import { hasCode } from "../has-code.ts";
import type { FileStore } from "../workspace/file-store.ts";
import type { Containers } from "./containers.ts";
import { legacyHashKey } from "./installation.ts";

export interface LegacyNamesOptions {
  containers: Containers;
  files: FileStore;
  /** Resolves once claims that were cut off before this process began are ended. */
  recovered: () => Promise<void>;
  /** Containers are kept as they are, with the paths that they mount. */
  keepContainers: boolean;
}

/**
 * Takes over what has a name of before names needed a secret, when its key is asked for. The container
 * goes first, running or not: the engine gives the name once, as it does for a new one. Then the
 * files. All who come meanwhile, or after a crash, do what is left.
 */
export class LegacyNames {
  readonly #options: LegacyNamesOptions;

  constructor(options: LegacyNamesOptions) {
    this.#options = options;
  }

  /** Renames what a key has under its older name. If there is nothing, this costs one look at the files. */
  async takeOver(key: string, keyHash: string, signal?: AbortSignal): Promise<void> {
    const { files, recovered, keepContainers: keepPath } = this.#options;
    const legacyHash = legacyHashKey(key);
    if (!(await files.hasLegacy(legacyHash))) return;
    await recovered();
    await this.#renameContainer(legacyHash, keyHash, signal);
    await files.takeOver(legacyHash, keyHash, { keepPath });
  }

  async #renameContainer(
    legacyHash: string,
    keyHash: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { containers } = this.#options;
    const id = await containers.findLegacy(legacyHash, signal);
    if (id === null) return;
    try {
      await containers.claim(id, keyHash, signal);
    } catch (error) {
      // Somebody else renamed it, or removed it.
      if (await containers.hasName(id, keyHash, signal)) return;
      if ((await containers.findLegacy(legacyHash, signal)) === null) return;
      if (!hasCode(error, "conflict")) throw error;
      const [old, name] = [containers.nameOf(legacyHash), containers.nameOf(keyHash)];
      throw new SandboxError({
        code: "unavailable",
        message: `The containers ${old} and ${name} belong to the same key. Stop the server that uses the older names, and remove the container that is not needed.`,
        cause: error,
      });
    }
  }
}
