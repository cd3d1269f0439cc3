import { describe, expect, it } from "vitest";
import { expectGap, planTests } from "./known-gaps.ts";
import type { KnownGap } from "./known-gaps.ts";

const TESTS = new Map([
  ["read › one", 1],
  ["read › two", 2],
]);

const problemsOf = (...knownGaps: KnownGap[]): string[] => planTests(TESTS, knownGaps).problems;

describe("planTests", () => {
  it("keeps every test, in order, with the reason of its gap", () => {
    const plan = planTests(TESTS, [{ reason: "not here", tests: ["read › two"] }]);
    expect(plan).toEqual({
      tests: [
        { name: "read › one", test: 1, gap: null },
        { name: "read › two", test: 2, gap: "not here" },
      ],
      problems: [],
    });
  });

  it("reports a gap that names an unknown test", () => {
    expect(problemsOf({ reason: "old", tests: ["read › three", "read"] })).toEqual([
      'The gap "old" names an unknown test: read › three',
      'The gap "old" names an unknown test: read',
    ]);
  });

  it("reports a test that two gaps name", () => {
    const gaps = ["a", "b"].map((reason) => ({ reason, tests: ["read › one"] }));
    expect(problemsOf(...gaps)).toEqual(["Two gaps name the same test: read › one"]);
  });

  it("reports a gap without a reason and one without tests", () => {
    expect(problemsOf({ reason: " ", tests: ["read › one"] })).toHaveLength(1);
    expect(problemsOf({ reason: "nothing", tests: [] })).toHaveLength(1);
  });
});

describe("expectGap", () => {
  it("is content where the test fails", async () => {
    await expectGap("read › one", () => Promise.reject(new Error("broken")));
  });

  it("fails where the test passes, and names it", async () => {
    const stale = expectGap("read › one", () => Promise.resolve());
    await expect(stale).rejects.toThrow('Stale known gap: "read › one"');
  });
});
