import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attack } from "./attack.ts";
import type { Settled } from "./attack.ts";
import { CASES } from "./cases.ts";
import { knownMisdeeds } from "./impersonator.ts";
import { MemoryWatch, heldMiB } from "./memory-watch.ts";
import { Neighbour, percentile } from "./neighbour.ts";

/** How much more memory the process may have during one attack: what all its calls may gather, twice. */
const MAX_GROWN_MIB = 512;
/** What may be held once the attacks of a group are over. */
const MAX_HELD_MIB = 64;
const MIN_CASES = 60;
const CASE_TIMEOUT_MS = 60_000;

const misdeeds = knownMisdeeds();

describe("hostile cases", () => {
  const ids = CASES.flatMap(({ cases }) => cases.map(({ id }) => id));

  it("have ids of which none stands for two, and are many", () => {
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(MIN_CASES);
  });

  it("are about every misdeed of the impersonating agent", () => {
    const tried = CASES.flatMap(({ cases }) => cases.map(({ misdeed }) => misdeed));
    expect(tried.toSorted()).toEqual([...misdeeds.keys()].toSorted());
  });
});

for (const { name: group, cases } of CASES) {
  describe(group, { timeout: CASE_TIMEOUT_MS }, () => {
    let neighbour: Neighbour;
    let heldBefore: number;
    /** How long the neighbour's rounds took, by the case. */
    const timesMs = new Map<string, readonly number[]>();

    beforeAll(async () => {
      neighbour = await Neighbour.settle();
      heldBefore = heldMiB();
    });

    afterAll(() => neighbour[Symbol.asyncDispose]());

    for (const { id, misdeed, callers = {}, ...options } of cases) {
      it(`${id} ${misdeed}: ${misdeeds.get(misdeed)}`, async () => {
        using memory = new MemoryWatch();
        const awaited = Object.entries(callers).flatMap(([call, end]) =>
          end === "aborted" ? [] : [call],
        );
        const attacking = attack({ misdeed }, { ...options, awaited });
        const seen = await neighbour.during(attacking);
        const { settled, faults } = await attacking;
        timesMs.set(id, seen.timesMs);
        expect(faults).toEqual([]);
        expect(seen.wrong).toEqual([]);
        expect(memory.grownMiB).toBeLessThan(MAX_GROWN_MIB);
        for (const [call, allowed] of Object.entries(callers)) {
          expect(allowed.split(" or "), call).toContain(describeSettled(settled.get(call)));
        }
        expect(Object.prototype).not.toHaveProperty("polluted");
      });
    }

    it("leaves the neighbour as fast as it was, and memory where it was", () => {
      const slowest = [...timesMs]
        .map(([id, times]) => `${id} ${Math.round(percentile(times, 99))} ms`)
        .toSorted((a, b) => Number.parseInt(b.split(" ")[1]!) - Number.parseInt(a.split(" ")[1]!));
      const p99Ms = percentile([...timesMs.values()].flat(), 99);
      expect(p99Ms, `slowest: ${slowest.slice(0, 5).join(", ")}`).toBeLessThan(neighbour.boundMs);
      expect(heldMiB() - heldBefore).toBeLessThan(MAX_HELD_MIB);
    });
  });
}

function describeSettled(settled: Settled | undefined): string {
  if (settled === undefined) return "nothing";
  if ("code" in settled) return settled.code;
  if ("broken" in settled) return settled.broken;
  const { value } = settled;
  if (typeof value === "object" && value !== null && "outcome" in value) {
    return String(value.outcome);
  }
  return "a value";
}
