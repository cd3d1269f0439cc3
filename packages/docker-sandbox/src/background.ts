import { throwIfAborted } from "@carrel/backend-protocol";

interface Undoable<Made> {
  /** Has a deadline of its own. */
  make: () => Promise<Made>;
  undo: (made: Made) => Promise<void>;
}

/**
 * Work that nobody waits for but the end of the provider, and whoever asks for the same key next. What
 * fails of it is found by them.
 */
export class Background implements AsyncDisposable {
  /** With the key that it is for. */
  readonly #works = new Map<Promise<void>, string | null>();

  add(work: Promise<void>, keyHash: string | null = null): void {
    const tracked = work.catch(() => undefined).finally(() => void this.#works.delete(tracked));
    this.#works.set(tracked, keyHash);
  }

  /**
   * Resolves once nothing is done for a key: what is half undone must not be found, or made again.
   * @throws `aborted`
   */
  async settled(keyHash: string, signal: AbortSignal | undefined): Promise<void> {
    const works = [...this.#works].filter(([, each]) => each === keyHash).map(([work]) => work);
    if (works.length === 0) return;
    await doneOrAborted(Promise.all(works), signal);
    throwIfAborted(signal);
  }

  /**
   * Make something that cannot be called off half-way: where its caller gives up, it is made all the
   * same, and then undone.
   */
  async createOrUndo<Made>(
    keyHash: string,
    signal: AbortSignal | undefined,
    { make, undo }: Undoable<Made>,
  ): Promise<Made> {
    throwIfAborted(signal);
    const creation = make();
    await doneOrAborted(creation, signal);
    if (signal?.aborted) this.add(creation.then(undo), keyHash);
    throwIfAborted(signal);
    return creation;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#works.keys());
  }
}

/** Rejects where the work does; resolves once it is done, or the signal has fired. */
async function doneOrAborted(
  work: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const abort = (): void => aborted.resolve();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
