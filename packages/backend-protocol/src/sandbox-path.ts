import { isUtf8 } from "node:buffer";
import { MAX_NAME_BYTES, MAX_PATH_BYTES } from "./limits.ts";
import { SandboxError } from "./sandbox-error.ts";

/**
 * The absolute, normalised form of a path that a caller gave: `.`, `..` and double slashes
 * resolved, no slash at the end; `workDir` where it is empty. It cannot lead above `/`, which is
 * the sandbox's own root. Several spellings of one path give the same string.
 *
 * @throws `invalid-path` where it has a NUL or half a character, or a part or the whole is too long
 */
export function resolveSandboxPath(workDir: string, path: string): string {
  if (path.includes("\0")) throw invalidPath(path, "contains a NUL character");
  if (OTHER_LONE_SURROGATE.test(path)) throw invalidPath(path, "contains half a character");
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${workDir}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  if (parts.some((part) => pathByteLength(part) > MAX_NAME_BYTES)) {
    throw invalidPath(path, `has a name of more than ${MAX_NAME_BYTES} bytes`);
  }
  const bytes = pathToBytes(`/${parts.join("/")}`);
  if (bytes.length > MAX_PATH_BYTES) {
    throw invalidPath(path, `is longer than ${MAX_PATH_BYTES} bytes`);
  }
  // One spelling for each file: escaped bytes that make up a character become that character.
  return pathFromBytes(bytes);
}

/** The bytes of a path: lone surrogates U+DC80 to U+DCFF stand for the bytes 0x80 to 0xFF. */
export function pathToBytes(path: string): Uint8Array {
  if (path.isWellFormed()) return Buffer.from(path, "utf8");
  const parts = path.split(ESCAPED_BYTE);
  return Buffer.concat(
    parts.map((part) =>
      part.length === 1 && part >= "\udc80" && part <= "\udcff"
        ? Buffer.of(part.charCodeAt(0) - 0xdc00)
        : Buffer.from(part, "utf8"),
    ),
  );
}

/** The path that these bytes are: the inverse of {@link pathToBytes}. */
export function pathFromBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return text.includes("\ufffd") ? decodeWithSurrogates(bytes) : text;
}

// With the flag `u` only those that are no half of a pair: 💀 ends in U+DC80.
const ESCAPED_BYTE = /([\udc80-\udcff])/u;
const OTHER_LONE_SURROGATE = /[\ud800-\udc7f\udd00-\udfff]/u;

function decodeWithSurrogates(bytes: Uint8Array): string {
  let result = "";
  for (let start = 0; start < bytes.length;) {
    const character = bytes.subarray(start, start + sequenceLength(bytes[start]!));
    if (isUtf8(character)) result += new TextDecoder("utf-8", DECODING).decode(character);
    else result += String.fromCharCode(0xdc00 + bytes[start]!);
    start += isUtf8(character) ? character.length : 1;
  }
  return result;
}

const DECODING = { fatal: true, ignoreBOM: true };

/** How many bytes a character of UTF-8 has that begins with this one. */
function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

function pathByteLength(path: string): number {
  return pathToBytes(path).length;
}

function invalidPath(path: string, why: string): SandboxError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
  return new SandboxError({ code: "invalid-path", message: `The path ${shown} ${why}.` });
}
