import { MAX_JSON_BYTES } from "./frames.ts";
import { wrongAnswer } from "./wire.ts";

/** A command has 128 KiB, of which each byte may be written with six. */
const MAX_ELEMENT_BYTES = MAX_JSON_BYTES;
const FIRST_BUFFER_BYTES = 4096;

const BYTE = {
  tab: 0x09,
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

/** What comes next outside of the elements. */
type Expected = "list" | "first element or end" | "element" | "comma or end" | "nothing";

/** Takes a JSON array of objects apart into the texts of its objects, in pieces cut anywhere. */
export class ElementScanner {
  /** What came and is not done with: an element that is not whole, at most. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  /** How far it was looked at, and how many bytes were done with before. */
  #position = 0;
  #doneBytes = 0;
  #expected: Expected = "list";
  /** The position at which the current element begins; `null` between elements. */
  #start: number | null = null;
  #depth = 0;
  #inString = false;
  #escaped = false;

  get costBytes(): number {
    return this.#held.length;
  }

  /** The elements that are whole with these bytes; each is valid until the next one is asked for. */
  *add(bytes: Uint8Array): Generator<Buffer, void> {
    this.#append(bytes);
    while (this.#position < this.#heldBytes) {
      if (this.#start === null) {
        this.#between(this.#held[this.#position]);
        continue;
      }
      if (!this.#endElement(this.#start)) break;
      const element = this.#held.subarray(this.#start, this.#position);
      this.#start = null;
      this.#expected = "comma or end";
      yield element;
    }
    this.#drop(this.#start ?? this.#heldBytes);
  }

  /** @throws `unavailable` if the list is not whole */
  end(): void {
    if (this.#expected !== "nothing") throw this.#noList();
  }

  #append(bytes: Uint8Array): void {
    const total = this.#heldBytes + bytes.length;
    if (total > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BUFFER_BYTES, 2 * total));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = total;
  }

  /** Forgets what lies before this position. */
  #drop(count: number): void {
    if (count === 0) return;
    this.#held.copyWithin(0, count, this.#heldBytes);
    this.#heldBytes -= count;
    this.#position -= count;
    this.#doneBytes += count;
    if (this.#start !== null) this.#start -= count;
  }

  /** One byte outside of an element. */
  #between(byte: number | undefined): void {
    if (!isSpace(byte)) {
      const next = nextExpected(this.#expected, byte);
      if (next === null) throw this.#noList();
      if (next === "element" && byte === BYTE.openBrace) {
        this.#start = this.#position;
        return;
      }
      this.#expected = next;
    }
    this.#position++;
  }

  /** Looks for the end of the element: the values in it are for the JSON parser to judge. */
  #endElement(start: number): boolean {
    const held = this.#held;
    const limit = Math.min(this.#heldBytes, start + MAX_ELEMENT_BYTES);
    for (let position = this.#position; position < limit; position++) {
      const byte = held[position];
      if (this.#escaped) this.#escaped = false;
      else if (this.#inString) {
        if (byte === BYTE.backslash) this.#escaped = true;
        else if (byte === BYTE.quote) this.#inString = false;
      } else if (byte === BYTE.quote) this.#inString = true;
      else if (byte === BYTE.openBrace) this.#depth++;
      else if (byte === BYTE.closeBrace && --this.#depth === 0) {
        this.#position = position + 1;
        return true;
      }
    }
    this.#position = limit;
    if (limit - start >= MAX_ELEMENT_BYTES) throw this.#noList();
    return false;
  }

  #noList(): Error {
    const position = this.#doneBytes + this.#position;
    return wrongAnswer(new Error(`a body that is no list of objects at byte ${position}`));
  }
}

/** What may follow a byte that is no space; `"element"` behind a brace means that one begins with it. */
function nextExpected(expected: Expected, byte: number | undefined): Expected | null {
  switch (expected) {
    case "list":
      return byte === BYTE.openBracket ? "first element or end" : null;
    case "first element or end":
      if (byte === BYTE.closeBracket) return "nothing";
      return byte === BYTE.openBrace ? "element" : null;
    case "element":
      return byte === BYTE.openBrace ? "element" : null;
    case "comma or end":
      if (byte === BYTE.closeBracket) return "nothing";
      return byte === BYTE.comma ? "element" : null;
    case "nothing":
      return null;
  }
}

function isSpace(byte: number | undefined): boolean {
  return (
    byte === BYTE.space ||
    byte === BYTE.lineFeed ||
    byte === BYTE.carriageReturn ||
    byte === BYTE.tab
  );
}
