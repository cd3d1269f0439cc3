import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Installation, legacyHashKey } from "./installation.ts";

const FIRST = new Installation("0123456789abcdef");
const SECOND = new Installation("0123456789abcdeg");
const KEY = "alice@example.org";

describe("An installation", () => {
  it("is the same in every process, and another for another id", () => {
    expect(new Installation("0123456789abcdef").label).toBe(FIRST.label);
    expect(SECOND.label).not.toBe(FIRST.label);
    const hash = FIRST.hashKey(KEY);
    expect(FIRST.containerName(hash)).not.toBe(SECOND.containerName(hash));
    expect(FIRST.containerName(hash)).toMatch(/^carrel-[0-9a-f]{12}-[0-9a-f]{32}$/);
    expect(FIRST.volumeName(hash, "home")).toMatch(/^carrel-[0-9a-f]{12}-[0-9a-f]{32}-home$/);
  });

  it("hashKey: one user has pseudonyms in two installations that nobody can link or guess", () => {
    const hash = FIRST.hashKey(KEY);
    expect(new Installation("0123456789abcdef").hashKey(KEY)).toBe(hash);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const guesses = [SECOND.hashKey(KEY), legacyHashKey(KEY), FIRST.hashKey(`${KEY} `)];
    guesses.push(
      createHash("sha256")
        .update(FIRST.label + KEY)
        .digest("hex"),
    );
    for (const guess of guesses) expect(guess).not.toBe(hash);
    for (const key of ["", "a\0b", "k".repeat(513), "\ud800"]) {
      expect(() => FIRST.hashKey(key)).toThrow(
        expect.objectContaining({ code: "invalid-argument" }),
      );
    }
  });

  it("tells nothing of its id", () => {
    expect(FIRST.label).not.toContain("0123456789abcdef");
  });

  it("reads the keys that it sealed, and nobody else does", () => {
    for (const key of [KEY, "k".repeat(512), "schlüssel\n🗝️"]) {
      const sealed = FIRST.seal(key);
      expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(FIRST.unseal(sealed)).toBe(key);
      expect(SECOND.unseal(sealed)).toBeNull();
    }
    expect(FIRST.seal(KEY)).not.toBe(FIRST.seal(KEY));
  });

  it("reads nothing from a label that was forged", () => {
    const sealed = FIRST.seal(KEY);
    const altered = `${sealed.slice(0, -2)}${sealed.endsWith("AA") ? "BB" : "AA"}`;
    for (const label of ["", "x", KEY, sealed.slice(0, 30), altered]) {
      expect(FIRST.unseal(label)).toBeNull();
    }
  });
});
