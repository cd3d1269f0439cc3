/** How many bytes are decoded at a time. */
const PIECE_BYTES = 64 * 1024;
const LONGEST_CHARACTER_BYTES = 4;

/**
 * Bytes of UTF-8 that come in pieces of any size, cut anywhere, as one text. It takes as much memory
 * as the text, however small the pieces are. Bytes that are no UTF-8 become U+FFFD.
 */
export class Utf8Text {
  readonly #texts: string[];
  #bytes: Buffer = NOTHING;
  #usedBytes = 0;
  #costBytes = 0;

  /** @param before the text begins as that one */
  constructor(before?: Utf8Text) {
    this.#texts = before ? [...before.#texts] : [];
    if (before) this.append(before.#bytes.subarray(0, before.#usedBytes));
  }

  /** What it takes in memory, without what it has from the text before. */
  get costBytes(): number {
    return this.#costBytes + this.#bytes.length;
  }

  append(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length;) {
      if (this.#usedBytes === this.#bytes.length) this.#makeRoom(bytes.length - start);
      const room = this.#bytes.length - this.#usedBytes;
      const piece =
        bytes.length - start <= room && start === 0 ? bytes : bytes.subarray(start, start + room);
      this.#bytes.set(piece, this.#usedBytes);
      this.#usedBytes += piece.length;
      start += piece.length;
    }
  }

  /**
   * Takes the beginning of a character away from the end. What is left goes with nothing that is
   * appended after it.
   */
  takeCut(): Uint8Array {
    const cut = this.#removeCut();
    // Another beginning before it stays one, and is no character.
    if (this.#removeCut().length > 0) this.append(REPLACEMENT);
    return cut;
  }

  /** The whole text. Nothing is appended after that. */
  end(): string {
    this.#decode(this.#usedBytes);
    return this.#texts.join("");
  }

  #removeCut(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#usedBytes);
    const cut = Uint8Array.from(bytes.subarray(bytes.length - cutBytes(bytes)));
    this.#usedBytes -= cut.length;
    return cut;
  }

  #makeRoom(bytes: number): void {
    if (this.#usedBytes >= PIECE_BYTES) {
      return this.#decode(this.#usedBytes - cutBytes(this.#bytes));
    }
    const size = Math.min(PIECE_BYTES, Math.max(256, 2 * (this.#usedBytes + bytes)));
    const larger = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }

  #decode(bytes: number): void {
    const text = this.#bytes.toString("utf8", 0, bytes);
    this.#texts.push(text);
    // If one character is not ASCII, each may take two bytes.
    this.#costBytes += text.length === bytes ? bytes : 2 * text.length;
    this.#bytes.copyWithin(0, bytes, this.#usedBytes);
    this.#usedBytes -= bytes;
  }
}

const NOTHING = Buffer.alloc(0);
const REPLACEMENT = Buffer.from("\ufffd");

/**
 * How many bytes at the end are the beginning of a character, to which more may come. Only what a
 * decoder would wait for: bytes that nothing can make UTF-8 are not.
 */
export function cutBytes(bytes: Uint8Array): number {
  const most = Math.min(bytes.length, LONGEST_CHARACTER_BYTES - 1);
  for (let count = 1; count <= most; count++) {
    const byte = bytes[bytes.length - count] ?? 0;
    if (isContinuation(byte)) continue;
    return count < characterBytes(byte) && mayFollow(byte, bytes[bytes.length - count + 1])
      ? count
      : 0;
  }
  return 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** How long a character is that begins with this byte; 0: none does. */
function characterBytes(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/** The first bytes that allow less than any continuation after them: Unicode, table 3-7. */
function mayFollow(first: number, second: number | undefined): boolean {
  if (second === undefined) return true;
  if (first === 0xe0) return second >= 0xa0;
  if (first === 0xed) return second <= 0x9f;
  if (first === 0xf0) return second >= 0x90;
  return first !== 0xf4 || second <= 0x8f;
}
