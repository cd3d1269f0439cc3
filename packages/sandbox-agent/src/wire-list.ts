import type { z } from "zod";
import { MAX_JSON_BYTES } from "./frames.ts";
import { readJson, wrongAnswer } from "./wire.ts";

/** A command has 128 KiB, of which each byte may be written with six. */
const MAX_ELEMENT_BYTES = MAX_JSON_BYTES;

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

export interface ListBounds<Value> {
  /** What each element must be like. */
  element: z.ZodType<Value>;
  maxElements: number;
}

/**
 * A JSON array of objects, one element after the other: the values of a list take many times the
 * memory of their text, so that a hostile one is refused at its first wrong element and not after all of
 * it was made.
 * @throws `unavailable` where it is something else, or longer
 */
export function readList<Value>(
  body: Uint8Array,
  { element, maxElements }: ListBounds<Value>,
): Value[] {
  const values: Value[] = [];
  for (const text of elementsOf(body)) {
    if (values.length === maxElements) {
      throw wrongAnswer(new Error(`a list of more than ${maxElements} elements`));
    }
    values.push(readJson(element, text));
  }
  return values;
}

/** The text of each object in an array. */
function* elementsOf(body: Uint8Array): Generator<Buffer, void> {
  let position = expect(body, BYTE.openBracket, 0);
  for (let first = true; ; first = false) {
    position = skipSpace(body, position);
    if (body[position] === BYTE.closeBracket) break;
    if (!first) position = skipSpace(body, expect(body, BYTE.comma, position));
    const end = endOfObject(body, position);
    yield Buffer.from(body.buffer, body.byteOffset + position, end - position);
    position = end;
  }
  if (skipSpace(body, position + 1) < body.length) throw noList(position + 1);
}

/** The position after an object: the values in it are for the JSON parser to judge. */
function endOfObject(body: Uint8Array, start: number): number {
  let depth = 0;
  let inString = false;
  const limit = Math.min(body.length, start + MAX_ELEMENT_BYTES);
  if (body[start] !== BYTE.openBrace) throw noList(start);
  for (let position = start; position < limit; position++) {
    const byte = body[position];
    if (inString) {
      if (byte === BYTE.backslash) position++;
      else if (byte === BYTE.quote) inString = false;
    } else if (byte === BYTE.quote) inString = true;
    else if (byte === BYTE.openBrace) depth++;
    else if (byte === BYTE.closeBrace && --depth === 0) return position + 1;
  }
  throw noList(limit);
}

function expect(body: Uint8Array, byte: number, start: number): number {
  const position = skipSpace(body, start);
  if (body[position] !== byte) throw noList(position);
  return position + 1;
}

function skipSpace(body: Uint8Array, start: number): number {
  let position = start;
  while (isSpace(body[position])) position++;
  return position;
}

function isSpace(byte: number | undefined): boolean {
  return (
    byte === BYTE.space ||
    byte === BYTE.lineFeed ||
    byte === BYTE.carriageReturn ||
    byte === BYTE.tab
  );
}

function noList(position: number): Error {
  return wrongAnswer(new Error(`a body that is no list of objects at byte ${position}`));
}
