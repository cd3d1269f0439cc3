import { expect, it } from "vitest";
import { expectGap } from "./known-gaps.ts";
import type { TestPlan } from "./known-gaps.ts";

export interface TestRunner<Test> {
  /** Why this test cannot run here, or `null` where it can. */
  skipReason(test: Test): string | null;
  /** Run it to its end, within the deadline. */
  run(test: Test, deadlineMs: number): Promise<void>;
  timeoutMs: number;
}

/** A gap that hangs costs this long at every run of the suite. */
const MAX_GAP_MS = 500;

/** How much longer vitest waits than the test's own deadline: for its set-up and clean-up. */
const MARGIN_MS = 60_000;

/** Register the plan's tests with vitest, and one that checks the list of gaps. */
export function registerTests<Test>(plan: TestPlan<Test>, runner: TestRunner<Test>): void {
  const timeout = runner.timeoutMs + MARGIN_MS;

  it("known gaps › each names a test of the suite once, with a reason", () => {
    expect(plan.problems).toEqual([]);
  });

  for (const { name, test, gap } of plan.tests) {
    if (gap === null) {
      it(name, { timeout }, async ({ skip }) => {
        const reason = runner.skipReason(test);
        if (reason !== null) skip(reason);
        await runner.run(test, runner.timeoutMs);
      });
    } else {
      it(`${name} (known gap: ${gap})`, { timeout }, async () => {
        const reason = runner.skipReason(test);
        if (reason !== null)
          throw new Error(`Needless known gap: "${name}" is skipped, ${reason}.`);
        await expectGap(name, () => runner.run(test, Math.min(runner.timeoutMs, MAX_GAP_MS)));
      });
    }
  }
}
