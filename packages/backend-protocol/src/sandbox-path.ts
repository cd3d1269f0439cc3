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
  // Without an object for each byte: a hostile name may be nothing but escaped bytes.
  const bytes = Buffer.allocUnsafe(path.length * MAX_BYTES_PER_UNIT);
  let length = 0;
  for (let start = 0; start < path.length;) {
    if (isEscapedByte(path, start)) {
      bytes[length++] = path.charCodeAt(start++) - ESCAPE_BASE;
      continue;
    }
    let end = start + 1;
    while (end < path.length && !isEscapedByte(path, end)) end++;
    length += bytes.write(path.slice(start, end), length, "utf8");
    start = end;
  }
  return bytes.subarray(0, length);
}

/** A lone surrogate that stands for a byte, and not the second half of a character: 💀 ends in U+DC80. */
function isEscapedByte(path: string, index: number): boolean {
  const unit = path.charCodeAt(index);
  if (unit < ESCAPE_BASE + 0x80 || unit > ESCAPE_BASE + 0xff) return false;
  const before = index === 0 ? 0 : path.charCodeAt(index - 1);
  return before < 0xd800 || before > 0xdbff;
}

/** The path that these bytes are: the inverse of {@link pathToBytes}. */
export function pathFromBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return text.includes("\ufffd") ? decodeWithSurrogates(bytes) : text;
}

/** A unit of UTF-16 takes three bytes of UTF-8 at most; the two of a pair take four together. */
const MAX_BYTES_PER_UNIT = 3;
const ESCAPE_BASE = 0xdc00;
const OTHER_LONE_SURROGATE = /[\ud800-\udc7f\udd00-\udfff]/u;

function decodeWithSurrogates(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let result = "";
  // Characters are decoded together, up to the next byte that is none.
  let decoded = 0;
  for (let start = 0; start < buffer.length;) {
    const length = sequenceLength(buffer[start]!);
    if (buffer[start]! < 0x80 || isUtf8(buffer.subarray(start, start + length))) {
      start += length;
      continue;
    }
    result += buffer.toString("utf8", decoded, start);
    result += String.fromCharCode(ESCAPE_BASE + buffer[start]!);
    decoded = ++start;
  }
  return result + buffer.toString("utf8", decoded);
}

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
