import { describe, expect, it } from "vitest";
import { findWeaknesses, isFixed } from "./known-weaknesses.ts";

describe("A known weakness", () => {
  it.each([
    ["1.1.12", ["1.1.12"], true],
    ["1.1.11", ["1.1.12"], false],
    ["1.2.0", ["1.1.12"], true],
    ["1.2.7", ["1.2.8", "1.3.3"], false],
    ["1.2.8", ["1.2.8", "1.3.3"], true],
    ["1.3.2", ["1.2.8", "1.3.3"], false],
    ["1.4.0", ["1.2.8", "1.3.3"], true],
    ["1.1.15", ["1.2.8", "1.3.3"], false],
    ["1.10.0", ["1.9.1"], true],
    ["v29.5.1", ["29.5.1"], true],
    ["20.10.24+dfsg1", ["29.5.1"], false],
  ])("of %s is fixed in %j: %s", (version, fixedIn, fixed) => {
    expect(isFixed(version, fixedIn)).toBe(fixed);
  });

  it("is told with its id and what to do", () => {
    const checks = findWeaknesses(
      new Map([
        ["engine", "29.6.0"],
        ["runc", "1.1.5+ds1-1+deb12u1"],
      ]),
    );
    expect(checks).toHaveLength(2);
    expect(checks[0]).toMatchObject({
      status: "warning",
      found: expect.stringContaining("CVE-2024-21626"),
      advice: expect.stringMatching(/1\.1\.12 or newer\. Distributions/),
    });
  });

  it("is not suspected where all is new, or the version is unknown", () => {
    expect(
      findWeaknesses(
        new Map([
          ["engine", "29.5.1"],
          ["runc", "1.3.3"],
        ]),
      ),
    ).toEqual([]);
    expect(findWeaknesses(new Map())).toEqual([]);
  });
});
