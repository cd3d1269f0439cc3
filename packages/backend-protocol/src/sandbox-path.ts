import { MAX_NAME_BYTES, MAX_PATH_BYTES } from "./limits.ts";
import { SandboxError } from "./sandbox-error.ts";

/**
 * The absolute, normalised form of a path that a caller gave: `.`, `..` and double slashes
 * resolved, no slash at the end. It cannot lead above `/`, which is the sandbox's own root.
 *
 * @throws `invalid-path` where it has a NUL, or a part or the whole is too long
 */
export function resolveSandboxPath(workDir: string, path: string): string {
  if (path.includes("\0")) throw invalidPath(path, "contains a NUL character");
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${workDir}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  if (parts.some((part) => pathByteLength(part) > MAX_NAME_BYTES)) {
    throw invalidPath(path, `has a name of more than ${MAX_NAME_BYTES} bytes`);
  }
  const resolved = `/${parts.join("/")}`;
  if (pathByteLength(resolved) > MAX_PATH_BYTES) {
    throw invalidPath(path, `is longer than ${MAX_PATH_BYTES} bytes`);
  }
  return resolved;
}

/** The bytes of a path: lone surrogates U+DC80 to U+DCFF stand for the bytes 0x80 to 0xFF. */
export function pathToBytes(path: string): Uint8Array {
  if (path.isWellFormed()) return Buffer.from(path, "utf8");
  const parts = path.split(LONE_SURROGATE);
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

const LONE_SURROGATE = /([\udc80-\udcff])/;

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
