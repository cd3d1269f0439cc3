const BYTE = { quote: 0x22, comma: 0x2c, backslash: 0x5c, openBracket: 0x5b, openBrace: 0x7b };

/**
 * Reports whether JSON has more values than that, before it is parsed: a mebibyte of `[[],[],…]` becomes
 * 350,000 objects, which takes half a second and thirty times its size. Each value but the first follows
 * a comma or an opening bracket. Does not care whether it is JSON at all.
 */
export function hasMoreValues(json: Uint8Array, maxValues: number): boolean {
  if (json.length <= maxValues) return false;
  let values = 0;
  for (let position = 0; position < json.length; position++) {
    const byte = json[position];
    if (byte === BYTE.quote) position = endOfString(json, position + 1);
    else if (byte === BYTE.comma || byte === BYTE.openBracket || byte === BYTE.openBrace) {
      if (++values > maxValues) return true;
    }
  }
  return false;
}

/** The position of the quote that ends a string, or the end of the JSON. */
function endOfString(json: Uint8Array, start: number): number {
  for (let position = start; position < json.length; position++) {
    const byte = json[position];
    if (byte === BYTE.quote) return position;
    if (byte === BYTE.backslash) position++;
  }
  return json.length;
}
