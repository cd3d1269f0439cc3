import { resolveSandboxPath } from "@carrel/backend-protocol";
import type { Sandbox } from "@carrel/backend-protocol";

const MAX_REMEMBERED_FILES = 10_000;

/** One file as one conversation knows it. */
export interface KnownFile {
  /** The hash that the file had when the conversation last saw or wrote it, if that is known. */
  readonly hash: string | undefined;
  /** `null`: what the conversation saw last has no known hash. */
  remember(hash: string | null): void;
}

/**
 * Which version of a file each conversation knows, so that it does not write over a change that
 * it has not seen. In memory, for the files used last: one that was dropped is not guarded.
 */
export class FileVersions {
  readonly #hashes = new Map<string, string>();
  readonly #queues = new Map<string, Promise<void>>();

  /**
   * Work on a file, one call after another: a model that sends two edits of a file at once must
   * not be told that the file changed under it.
   */
  async use<Result>(
    { sandbox, threadId, path }: { sandbox: Sandbox; threadId: string; path: string },
    work: (file: KnownFile) => Promise<Result>,
  ): Promise<Result> {
    // Not the object: a backend function may make a new one for each call.
    const file = `${sandbox.id}\0${resolveSandboxPath(sandbox.workDir, path)}`;
    const before = this.#queues.get(file);
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    this.#queues.set(file, done);
    await before;
    try {
      return await work(this.#known(`${threadId}\0${file}`));
    } finally {
      if (this.#queues.get(file) === done) this.#queues.delete(file);
      finish();
    }
  }

  #known(key: string): KnownFile {
    const hashes = this.#hashes;
    return {
      hash: hashes.get(key),
      remember(hash) {
        hashes.delete(key);
        if (hash === null) return;
        hashes.set(key, hash);
        const [oldest] = hashes.keys();
        if (hashes.size > MAX_REMEMBERED_FILES && oldest !== undefined) hashes.delete(oldest);
      },
    };
  }
}
