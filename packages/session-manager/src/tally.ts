/** Counts by name. A name takes memory only while its count is above zero. */
export class Tally {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** The names that were counted more often than that. */
  above(count: number): string[] {
    return [...this.#counts].filter(([, each]) => each > count).map(([name]) => name);
  }

  /** @returns what takes it back; to be called once */
  add(name: string): () => void {
    this.#counts.set(name, this.of(name) + 1);
    return () => {
      const left = this.of(name) - 1;
      if (left > 0) this.#counts.set(name, left);
      else this.#counts.delete(name);
    };
  }
}
