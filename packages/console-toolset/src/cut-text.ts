/** The beginning and the end of a text whose middle may be left out. */
export interface CutText {
  head: string;
  /** Characters between the two. */
  omitted: number;
  tail: string;
}

/** Gathers text of any length in bounded memory: its beginning, its end and its length. */
export class HeadAndTail {
  readonly #half: number;
  #head = "";
  #tail = "";
  #length = 0;

  constructor(maxCharacters: number) {
    this.#half = Math.floor(maxCharacters / 2);
  }

  append(text: string): void {
    const room = this.#half - this.#head.length;
    this.#length += text.length;
    this.#head += text.slice(0, room);
    this.#tail += text.slice(room);
    // Only now and then, so that many small pieces do not each copy the whole tail.
    if (this.#tail.length > 4 * this.#half) this.#tail = this.#tail.slice(-this.#half);
  }

  cut(): CutText {
    const tail = this.#tail.slice(-this.#half);
    return { head: this.#head, omitted: this.#length - this.#head.length - tail.length, tail };
  }
}

/** The same text with at most this many characters of it left. */
export function cutMiddle({ head, omitted, tail }: CutText, maxCharacters: number): CutText {
  const excess = head.length + tail.length - maxCharacters;
  if (excess <= 0) return { head, omitted, tail };
  const half = Math.floor(maxCharacters / 2);
  const whole = head + tail;
  const newHead = omitted > 0 ? head.slice(0, half) : whole.slice(0, half);
  const newTail = omitted > 0 ? tail.slice(-half) : whole.slice(-half);
  const left = newHead.length + newTail.length;
  return { head: newHead, omitted: omitted + whole.length - left, tail: newTail };
}

/** As one string, with a line that says how much is missing. */
export function joinCut({ head, omitted, tail }: CutText): string {
  if (omitted === 0) return head + tail;
  // A pair of surrogates that was cut in two must not leave half a character behind.
  return `${head.toWellFormed()}\n[… ${omitted} characters left out …]\n${tail.toWellFormed()}`;
}
