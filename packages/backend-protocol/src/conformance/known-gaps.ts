/** What a provider is known not to do. Its tests run, must fail, and fail the suite when they pass. */
export interface KnownGap {
  /** Why, and what a user of this provider meets. Shown beside the name of each of its tests. */
  reason: string;
  /** Full names of tests, as the output shows them: `grep › passes over binary files`. */
  tests: readonly string[];
}

/** A test as it will run: `gap` says why it is expected to fail. */
export interface PlannedTest<Test> {
  name: string;
  test: Test;
  gap: string | null;
}

export interface TestPlan<Test> {
  tests: PlannedTest<Test>[];
  /** What is wrong with the list of gaps itself. Any of these fails the suite. */
  problems: string[];
}

/** Match the gaps with the tests: each gap must name tests that exist, each test once. */
export function planTests<Test>(
  tests: ReadonlyMap<string, Test>,
  knownGaps: readonly KnownGap[],
): TestPlan<Test> {
  const reasons = new Map<string, string>();
  const problems: string[] = [];
  for (const { reason, tests: names } of knownGaps) {
    if (reason.trim() === "") problems.push(`The gap of ${JSON.stringify(names)} has no reason.`);
    if (names.length === 0) problems.push(`The gap "${reason}" names no test.`);
    for (const name of names) {
      if (!tests.has(name)) problems.push(`The gap "${reason}" names an unknown test: ${name}`);
      else if (reasons.has(name)) problems.push(`Two gaps name the same test: ${name}`);
      reasons.set(name, reason);
    }
  }
  const planned = [...tests].map(([name, test]) => ({
    name,
    test,
    gap: reasons.get(name) ?? null,
  }));
  return { tests: planned, problems };
}

/**
 * Run a test that is expected to fail.
 * @throws where it passes: then the gap is stale
 */
export async function expectGap(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch {
    return; // the gap is still there, which is what its declaration says
  }
  throw new Error(`Stale known gap: "${name}" passes now. Remove it from knownGaps.`);
}
