/** Below this it costs nothing to leave the places of what was taken where they are. */
const MAX_LEFT_PLACES = 1000;

/** First in, first out. It does not hold on to what was taken. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  /** The one that {@link shift} gives next. */
  get first(): Item | undefined {
    return this.#items[this.#first];
  }

  /** The one that was added last and is still there. */
  get last(): Item | undefined {
    return this.#items.at(-1);
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#first];
    if (this.size === 0) return undefined;
    this.#items[this.#first++] = undefined;
    if (this.size === 0) this.clear();
    // Taking from the front of a long array each time would copy all of it.
    else if (this.#first > MAX_LEFT_PLACES && this.#first > this.size) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
  }
}
