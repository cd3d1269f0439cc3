/** How long a piece of text waits for more of it before it is passed on. Readers of a turn wake later than that. */
const JOIN_DELAY_MS = 10;

/**
 * Texts are passed on after this many pieces. A string that grows piece by piece costs 32 bytes for
 * each of them until it is read.
 */
const MAX_PIECES = 1024;

/**
 * Joins small pieces of texts that come one after the other, so that what is kept of them costs what
 * their characters cost, and not an object for each.
 */
export class JoinedTexts<Name> {
  readonly #pass: (name: Name, text: string) => void;
  readonly #onError: (error: unknown) => void;
  // In the order of their first piece.
  readonly #pieces = new Map<Name, string[]>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param pass is called with each text, in time
   * @param onError is called with what `pass` throws while nobody called a method here
   */
  constructor(pass: (name: Name, text: string) => void, onError: (error: unknown) => void) {
    this.#pass = pass;
    this.#onError = onError;
  }

  add(name: Name, piece: string): void {
    const pieces = this.#pieces.get(name);
    if (pieces) pieces.push(piece);
    else this.#pieces.set(name, [piece]);
    this.#count += 1;
    if (this.#count >= MAX_PIECES) this.flush();
    else this.#timer ??= setTimeout(() => this.#flushLater(), JOIN_DELAY_MS);
  }

  /** Pass on what waits: before anything that comes after it. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#pieces];
    this.#pieces.clear();
    this.#count = 0;
    for (const [name, pieces] of waiting) this.#pass(name, pieces.join(""));
  }

  #flushLater(): void {
    try {
      this.flush();
    } catch (error) {
      this.#onError(error);
    }
  }
}
