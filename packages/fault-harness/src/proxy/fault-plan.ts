import type { Random } from "../random.ts";
import type { Fault, FaultRule } from "./fault.ts";

/** Which call has which fault. The rule that was made first wins. */
export class FaultPlan {
  readonly #rules = new Set<{ rule: FaultRule; matched: number }>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** @returns ends the rule; a second time does nothing */
  add(rule: FaultRule): Disposable {
    const entry = { rule, matched: 0 };
    this.#rules.add(entry);
    return { [Symbol.dispose]: () => void this.#rules.delete(entry) };
  }

  /** Of a call that is made now. Each call is asked for once, since rules count. */
  faultFor(call: string): Fault | null {
    let chosen: Fault | null = null;
    for (const entry of this.#rules) {
      const { calls, nth, chance = 1, fault } = entry.rule;
      if (calls && !calls.includes(call)) continue;
      entry.matched++;
      // Drawn also where another rule won, so that the seed's numbers do not depend on that.
      const drawn = chance >= 1 || this.#random.chance(chance);
      if (nth !== undefined && entry.matched !== nth) continue;
      if (drawn) chosen ??= fault;
    }
    return chosen;
  }
}
