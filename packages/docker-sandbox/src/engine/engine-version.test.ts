import { describe, expect, it } from "vitest";
import { chooseApiVersion, compareApiVersions } from "./engine-version.ts";

const offer = { host: "unix:///e.sock", version: "28.1.1", newest: "1.49", oldest: "1.24" };

describe("The API that is spoken", () => {
  it.each([
    ["20.10.24", "1.12", "1.41", "1.41"],
    ["28.1.1", "1.24", "1.49", "1.49"],
    ["29.0.0", "1.44", "1.52", "1.52"],
    ["30.0.0", "1.44", "1.60", "1.52"],
    ["31.0.0", "1.52", "2.1", "1.52"],
  ])("is the newest that Docker %s (%s to %s) shares: %s", (version, oldest, newest, chosen) => {
    expect(chooseApiVersion({ ...offer, version, oldest, newest })).toBe(chosen);
  });

  it("is refused where the engine is older than Docker 20.10", () => {
    expect(() => chooseApiVersion({ ...offer, version: "19.03.15", newest: "1.40" })).toThrowError(
      expect.objectContaining({
        code: "unavailable",
        message: expect.stringMatching(/Docker 19\.03\.15 .* 20\.10 .* update it\./),
      }),
    );
  });

  it("is refused where the engine speaks only what is not known here", () => {
    expect(() => chooseApiVersion({ ...offer, oldest: "1.53", newest: "1.60" })).toThrowError(
      expect.objectContaining({
        code: "unavailable",
        message: expect.stringMatching(/no API older than 1\.53/),
      }),
    );
  });

  it("is compared by numbers, not by letters", () => {
    expect(compareApiVersions("1.9", "1.41")).toBeLessThan(0);
    expect(compareApiVersions("2.0", "1.52")).toBeGreaterThan(0);
    expect(compareApiVersions("1.41", "1.41")).toBe(0);
  });
});
