import { afterAll, beforeAll, describe } from "vitest";
import type { Behaviour, BehaviourGroup, OptionalMember } from "./behaviour.ts";
import type { ConformanceOptions } from "./conformance-options.ts";
import { BEHAVIOUR_GROUPS } from "./groups.ts";
import { planTests } from "./known-gaps.ts";
import { registerTests } from "./register-tests.ts";
import { SharedSandbox } from "./shared-sandbox.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const SET_UP_MS = 120_000;

const MISSING: Readonly<Record<OptionalMember, string>> = {
  watch: "this sandbox has no watch",
  openTerminal: "this sandbox has no openTerminal",
  connect: "this sandbox has no connect",
  pause: "this sandbox has no pause",
  discard: "this provider has no discard",
  secondProvider: "the subject gives no second provider",
};

/**
 * Register a vitest test for each behaviour that the protocol promises. Call it at the top level of
 * a test file; the file of a provider needs nothing else.
 */
export function describeSandboxConformance(options: ConformanceOptions): void {
  const { name, knownGaps, part, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const groups = part ? BEHAVIOUR_GROUPS[part] : Object.values(BEHAVIOUR_GROUPS).flat();

  describe(`${name} conforms to the sandbox protocol`, () => {
    let shared: SharedSandbox | undefined;
    const started = (): SharedSandbox => {
      if (shared === undefined) throw new Error("The shared sandbox was not made.");
      return shared;
    };
    beforeAll(async () => {
      shared = await SharedSandbox.create(() => options.create());
    }, SET_UP_MS);
    afterAll(async () => {
      await shared?.[Symbol.asyncDispose]();
    }, SET_UP_MS);

    registerTests(planTests(allTests(groups), knownGaps), {
      timeoutMs,
      skipReason: ({ requires }) =>
        requires === undefined || started().has(requires) ? null : MISSING[requires],
      run: ({ behaviour }, deadlineMs) => started().run(behaviour, deadlineMs),
    });
  });
}

interface ConformanceTest {
  requires: OptionalMember | undefined;
  behaviour: Behaviour;
}

function allTests(groups: readonly BehaviourGroup[]): Map<string, ConformanceTest> {
  const tests = new Map<string, ConformanceTest>();
  for (const { name, requires, behaviours } of groups) {
    for (const [sentence, behaviour] of Object.entries(behaviours)) {
      tests.set(`${name} › ${sentence}`, { requires, behaviour });
    }
  }
  return tests;
}
