import { describe, expect, it } from "vitest";
import { Installation, hashKey } from "./installation.ts";

const FIRST = new Installation("0123456789abcdef");
const SECOND = new Installation("0123456789abcdeg");
const KEY = "alice@example.org";

describe("An installation", () => {
  it("is the same in every process, and another for another id", () => {
    expect(new Installation("0123456789abcdef").label).toBe(FIRST.label);
    expect(SECOND.label).not.toBe(FIRST.label);
    const hash = hashKey(KEY);
    expect(FIRST.containerName(hash)).not.toBe(SECOND.containerName(hash));
    expect(FIRST.containerName(hash)).toMatch(/^carrel-[0-9a-f]{12}-[0-9a-f]{32}$/);
    expect(FIRST.volumeName(hash, "home")).toMatch(/^carrel-[0-9a-f]{12}-[0-9a-f]{32}-home$/);
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
