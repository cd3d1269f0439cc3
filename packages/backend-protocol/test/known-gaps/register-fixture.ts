import { setTimeout as sleep } from "node:timers/promises";
import { within } from "../../src/conformance/deadline.ts";
import { planTests } from "../../src/conformance/known-gaps.ts";
import type { KnownGap } from "../../src/conformance/known-gaps.ts";
import { registerTests } from "../../src/conformance/register-tests.ts";

type Outcome = "holds" | "breaks" | "hangs" | "lacks";

const OUTCOMES: readonly Outcome[] = ["holds", "breaks", "hangs", "lacks"];

const WORK: Readonly<Record<Outcome, () => Promise<void>>> = {
  holds: () => Promise.resolve(),
  breaks: () => Promise.reject(new Error("broken")),
  hangs: () => sleep(3_600_000, undefined, { ref: false }),
  lacks: () => Promise.resolve(),
};

/** Four tests, named by how they end, with these gaps. */
export function registerFixture(knownGaps: readonly KnownGap[]): void {
  const tests = new Map(OUTCOMES.map((outcome) => [`fixture › ${outcome}`, outcome]));
  registerTests(planTests(tests, knownGaps), {
    timeoutMs: 200,
    skipReason: (outcome) => (outcome === "lacks" ? "this fixture has none" : null),
    run: (outcome, deadlineMs) => within(deadlineMs, WORK[outcome]),
  });
}
