/** Numbers that are the same for the same seed: a linear congruential generator. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
    this.below(1);
  }

  /** A whole number from 0 to below the bound. */
  below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    // The low bits of such a generator repeat soon.
    return Math.floor((this.#state / 2 ** 32) * bound);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Uint8Array.from({ length: count }, () => this.below(256)));
  }

  /** Bytes in pieces, cut anywhere; each piece in memory of its own. */
  cut(bytes: Buffer, maxPieceBytes: number): Buffer[] {
    const pieces: Buffer[] = [];
    for (let start = 0; start < bytes.length;) {
      const end = start + 1 + this.below(maxPieceBytes);
      pieces.push(Buffer.from(bytes.subarray(start, end)));
      start = end;
    }
    return pieces;
  }
}
