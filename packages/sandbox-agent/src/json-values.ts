/** Most values that JSON of an agent may have in one frame or in one element of a list. */
const MAX_JSON_VALUES = 16 * 1024;

const BYTE = { quote: 0x22, comma: 0x2c, backslash: 0x5c, openBracket: 0x5b, openBrace: 0x7b };

/**
 * Whether JSON has more values than any answer: a mebibyte of `[[],[],…]` would become 350,000 objects
 * and thirty times its size. Each value but the first follows a comma or an opening bracket.
 */
export function hasTooManyValues(payload: Uint8Array): boolean {
  if (payload.length <= MAX_JSON_VALUES) return false;
  let values = 0;
  for (let position = 0; position < payload.length; position++) {
    const byte = payload[position];
    if (byte === BYTE.quote) position = endOfString(payload, position + 1);
    else if (byte === BYTE.comma || byte === BYTE.openBracket || byte === BYTE.openBrace) {
      if (++values > MAX_JSON_VALUES) return true;
    }
  }
  return false;
}

/** The position of the quote that ends a string, or the end of the payload. */
function endOfString(payload: Uint8Array, start: number): number {
  for (let position = start; position < payload.length; position++) {
    const byte = payload[position];
    if (byte === BYTE.quote) return position;
    if (byte === BYTE.backslash) position++;
  }
  return payload.length;
}
