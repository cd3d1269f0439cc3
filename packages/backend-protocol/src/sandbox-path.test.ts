import { describe, expect, it } from "vitest";
import { MAX_NAME_BYTES, MAX_PATH_BYTES } from "./limits.ts";
import { SandboxError } from "./sandbox-error.ts";
import { pathFromBytes, pathToBytes, resolveSandboxPath } from "./sandbox-path.ts";

const resolve = (path: string): string => resolveSandboxPath("/workspace", path);

function refusal(path: string): SandboxError {
  try {
    return expect.unreachable(resolve(path));
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    return error;
  }
}

describe("resolveSandboxPath", () => {
  it.each([
    ["file", "/workspace/file"],
    ["a/b", "/workspace/a/b"],
    ["./a//b/./c/", "/workspace/a/b/c"],
    ["a/../b", "/workspace/b"],
    ["..", "/"],
    ["../../..", "/"],
    ["../etc/passwd", "/etc/passwd"],
    ["", "/workspace"],
    [".", "/workspace"],
    ["/", "/"],
    ["//", "/"],
    ["/..", "/"],
    ["/a/../../b", "/b"],
    ["/etc//passwd/", "/etc/passwd"],
    ["~", "/workspace/~"],
    ["$HOME/x", "/workspace/$HOME/x"],
    ["...", "/workspace/..."],
    ["..a/b..", "/workspace/..a/b.."],
    ["a\\..\\b", "/workspace/a\\..\\b"],
    ["file:///etc", "/workspace/file:/etc"],
    [" ", "/workspace/ "],
    ["a\nb", "/workspace/a\nb"],
  ])("makes %j absolute and normal", (path, resolved) => {
    expect(resolve(path)).toBe(resolved);
  });

  it("starts relative paths in a workDir that is the root", () => {
    expect(resolveSandboxPath("/", "a")).toBe("/a");
    expect(resolveSandboxPath("/", "")).toBe("/");
  });

  it("leaves a path that it has resolved as it is", () => {
    for (const path of ["a/../b", "\udcff/é", "/x//y", "💀\udc80"]) {
      expect(resolve(resolve(path))).toBe(resolve(path));
    }
  });

  it("refuses a NUL", () => {
    expect(refusal("a\0b").code).toBe("invalid-path");
    expect(refusal("\0/../x").code).toBe("invalid-path");
  });

  it("measures names in bytes", () => {
    const name = `${"é".repeat(127)}x`;
    expect(resolve(name)).toBe(`/workspace/${name}`);
    expect(refusal(`${"é".repeat(128)}`).code).toBe("invalid-path");
    expect(refusal(`a/${"x".repeat(MAX_NAME_BYTES + 1)}/b`).code).toBe("invalid-path");
    expect(resolve("\udcff".repeat(MAX_NAME_BYTES))).toHaveLength("/workspace/".length + 255);
  });

  it("measures the whole path in bytes, after it is resolved", () => {
    const longest = `/${"d/".repeat((MAX_PATH_BYTES - 1) / 2 - 1)}a`;
    expect(longest).toHaveLength(MAX_PATH_BYTES - 1);
    expect(resolve(`${longest}b`)).toHaveLength(MAX_PATH_BYTES);
    expect(refusal(`${longest}bc`).code).toBe("invalid-path");
    expect(resolve(`${longest}${"/./".repeat(1000)}`)).toBe(longest);
  });

  it("names the path in its message, but not all of a long one", () => {
    expect(refusal("a\0b").message).toContain('"a\\u0000b"');
    expect(refusal("x".repeat(100_000)).message.length).toBeLessThan(300);
  });

  it("refuses half a character", () => {
    for (const path of ["\ud800", "a\ud83d", "\ude00b", "\udc7f", "\udd00"]) {
      expect(refusal(path).code).toBe("invalid-path");
    }
  });

  it("gives escaped bytes that make up a character as that character", () => {
    expect(resolve("\udcc3\udca9")).toBe("/workspace/é");
    expect(resolve("\udcf0\udc9f\udc92\udc80")).toBe("/workspace/💀");
  });
});

describe("pathToBytes and pathFromBytes", () => {
  it.each([
    ["text", "file.txt", "66696c652e747874"],
    ["an empty path", "", ""],
    ["other scripts", "é日", "c3a9e697a5"],
    ["a character beyond 16 bits", "💀", "f09f9280"],
    ["a byte that is no character", "a\udcffb", "61ff62"],
    ["a cut character", "\udce6\udc97/x", "e6972f78"],
    [
      "a pair beside a lone surrogate that is half of such pairs",
      "💀\udc80💀",
      "f09f928080f09f9280",
    ],
    ["a byte order mark", "\ufeffa", "efbbbf61"],
    ["U+FFFD itself", "\ufffd\udcff", "efbfbdff"],
    ["an overlong slash", "\udcc0\udcaf", "c0af"],
    ["an encoded surrogate", "\udced\udca0\udc80", "eda080"],
  ])("keep %s", (_, path, hex) => {
    expect(Buffer.from(pathToBytes(path)).toString("hex")).toBe(hex);
    expect(pathFromBytes(Buffer.from(hex, "hex"))).toBe(path);
  });

  it("bring back any bytes", () => {
    let seed = 7;
    const next = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31);
    for (let round = 0; round < 500; round++) {
      const bytes = Uint8Array.from({ length: next() % 40 }, () => (next() >> 8) & 0xff);
      expect(Buffer.from(pathToBytes(pathFromBytes(bytes)))).toEqual(Buffer.from(bytes));
    }
  });

  it("bring back every pair of bytes that begins beyond ASCII", () => {
    for (let pair = 0x8000; pair < 0x10000; pair++) {
      const bytes = Buffer.from([0x61, pair >> 8, pair & 0xff, 0x62]);
      expect(bytes.equals(pathToBytes(pathFromBytes(bytes)))).toBe(true);
    }
  });

  it("read only the view of a larger buffer", () => {
    const buffer = Buffer.from("0123456789");
    expect(pathFromBytes(buffer.subarray(3, 6))).toBe("345");
  });

  it("never make a slash, a dot or a NUL of an escaped byte", () => {
    for (const code of [0xdc00, 0xdc2e, 0xdc2f]) {
      const path = String.fromCharCode(code);
      expect([...pathToBytes(path)]).toEqual([0xef, 0xbf, 0xbd]);
    }
  });
});
