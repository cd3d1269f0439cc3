/** A number of places that are taken in the order in which they were asked for. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** A place, given back when it is disposed of; `null` where the signal fired before there was one. */
  async take(signal: AbortSignal): Promise<Disposable | null> {
    while (this.#free === 0) {
      if (signal.aborted) return null;
      await this.#change(signal);
    }
    this.#free--;
    return { [Symbol.dispose]: () => this.#giveBack() };
  }

  #giveBack(): void {
    this.#free++;
    const [first] = this.#waiting;
    first?.();
  }

  #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise.finally(() => this.#waiting.delete(resolve));
  }
}
