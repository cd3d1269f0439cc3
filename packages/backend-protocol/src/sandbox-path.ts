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
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let result = "";
  for (let start = 0; start < bytes.length;) {
    const length = [4, 3, 2, 1].find((size) => {
      if (start + size > bytes.length) return false;
      try {
        return [...strict.decode(bytes.subarray(start, start + size))].length === 1;
      } catch {
        return false; // not a character of this length
      }
    });
    if (length === undefined) result += String.fromCharCode(0xdc00 + bytes[start]!);
    else result += strict.decode(bytes.subarray(start, start + length));
    start += length ?? 1;
  }
  return result;
}

function pathByteLength(path: string): number {
  return pathToBytes(path).length;
}

function invalidPath(path: string, why: string): SandboxError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
  return new SandboxError({ code: "invalid-path", message: `The path ${shown} ${why}.` });
}
