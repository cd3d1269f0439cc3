import { throwIfAborted } from "@carrel/backend-protocol";

interface Undoable<Made> {
  /** Has a deadline of its own. */
  make: () => Promise<Made>;
  undo: (made: Made) => Promise<void>;
}

/** Work that nobody waits for but the end of the provider. What fails of it is found by whoever comes next. */
export class Background implements AsyncDisposable {
  readonly #works = new Set<Promise<void>>();

  add(work: Promise<void>): void {
    const tracked = work.catch(() => undefined).finally(() => void this.#works.delete(tracked));
    this.#works.add(tracked);
  }

  /**
   * Make something that cannot be called off half-way: where its caller gives up, it is made all the
   * same, and then undone.
   */
  async createOrUndo<Made>(
    signal: AbortSignal | undefined,
    { make, undo }: Undoable<Made>,
  ): Promise<Made> {
    throwIfAborted(signal);
    const creation = make();
    const aborted = Promise.withResolvers<undefined>();
    const abort = (): void => aborted.resolve(undefined);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([creation, aborted.promise]);
      if (signal?.aborted) this.add(creation.then(undo));
      throwIfAborted(signal);
      return await creation;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#works);
  }
}
