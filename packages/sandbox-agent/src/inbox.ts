import { Fifo } from "./fifo.ts";

/** `DATA` or `EVENT`, in the order in which they came. */
export interface Item {
  type: "data" | "event";
  payload: Buffer;
}

/** What is smaller is put together with what came before. */
const SMALL_BYTES = 4 * 1024;
const BLOCK_BYTES = 16 * 1024;
/** What an item costs beyond its bytes: three objects and the head of a buffer; measured, rounded up. */
export const ITEM_COST_BYTES = 320;
/** So many events have no room in a window, unless they tell nothing. */
const MAX_EVENTS = 40_000;

/**
 * What came for a call and was not read yet. It takes little more memory than its bytes, however
 * small the pieces in which somebody sends them: neighbouring `DATA` is joined, which has no
 * meaning in a body. Pieces of an output stream stay apart; whoever reads one takes them at once.
 */
export class Inbox {
  readonly #joins: boolean;
  readonly #items = new Fifo<Item>();
  #events = 0;
  #costBytes = 0;
  /** What the last item's bytes lie in, where it has room for more. */
  #block: Buffer = NOTHING;

  /** @param joins neighbouring `DATA` may be put together */
  constructor({ joins }: { joins: boolean }) {
    this.#joins = joins;
  }

  get empty(): boolean {
    return this.#items.size === 0;
  }

  /** What its items take in memory. */
  get costBytes(): number {
    return this.#costBytes;
  }

  /** `false` where more events wait than anybody could mean to send. */
  add(item: Item): boolean {
    this.#costBytes += item.payload.length;
    if (!this.#joins || !this.#join(item)) this.#push(item);
    if (item.type === "event") this.#events++;
    return this.#events <= MAX_EVENTS;
  }

  shift(): Item | undefined {
    const item = this.#items.shift();
    if (item) this.#costBytes -= item.payload.length + ITEM_COST_BYTES;
    if (item?.type === "event") this.#events--;
    if (this.empty) this.#block = NOTHING;
    return item;
  }

  clear(): void {
    this.#items.clear();
    this.#events = 0;
    this.#costBytes = 0;
    this.#block = NOTHING;
  }

  #push({ type, payload }: Item): void {
    this.#costBytes += ITEM_COST_BYTES;
    // The reader of an output stream copies what it takes, at once.
    this.#items.push({ type, payload: this.#joins ? ownMemory(payload) : payload });
    this.#block = NOTHING;
  }

  /** Add to the last item; `false` where that cannot be. */
  #join({ type, payload }: Item): boolean {
    const { last } = this.#items;
    if (type !== "data" || last?.type !== "data") return false;
    const { length } = last.payload;
    const total = length + payload.length;
    if (payload.length > SMALL_BYTES || total > BLOCK_BYTES) return false;
    if (total > this.#block.length) {
      const larger = Buffer.allocUnsafe(Math.min(2 * total, BLOCK_BYTES));
      last.payload.copy(larger);
      this.#block = larger;
    }
    payload.copy(this.#block, length);
    last.payload = this.#block.subarray(0, total);
    return true;
  }
}

const NOTHING = Buffer.alloc(0);

/** A payload shares the memory of all that came with it, and would keep it from being freed. */
function ownMemory(payload: Buffer): Buffer {
  return payload.buffer.byteLength <= 2 * payload.length ? payload : Buffer.from(payload);
}
