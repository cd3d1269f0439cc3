import { SandboxError } from "@carrel/backend-protocol";

/**
 * Most values in the JSON of a request; the largest that a route knows has three. To parse and check
 * a megabyte of brackets or names takes half a second, in which the server does nothing else; a
 * megabyte of text takes a few milliseconds.
 */
const MAX_VALUES = 1000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;

/**
 * Refuses JSON of very many parts before it is parsed. Whether it is JSON at all is not its concern.
 * @throws `invalid-argument`
 */
export function refuseManyValues(json: Uint8Array): void {
  let count = 0;
  let isInText = false;
  for (let index = 0; index < json.byteLength; index++) {
    const byte = json[index];
    if (isInText) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) isInText = false;
    } else if (byte === QUOTE) {
      isInText = true;
    } else if (byte === COMMA || byte === OPENING_BRACKET || byte === OPENING_BRACE) {
      count += 1;
      if (count > MAX_VALUES) throw manyValues();
    }
  }
}

function manyValues(): SandboxError {
  return new SandboxError({
    code: "invalid-argument",
    message: `The body has more than ${MAX_VALUES} values in it. Send only the fields that the route knows.`,
  });
}
