import { attack } from "./attack.ts";
import { MemoryWatch } from "./memory-watch.ts";
import type { Neighbour } from "./neighbour.ts";

/** How much more memory the process may have during one attack, in MiB. */
const MAX_GROWN_MIB = 512;
/** Of each kind of call at most. */
const MAX_TIMES_EACH = 3;

export interface ChanceReport {
  /** What must not be. Empty where all was well. */
  faults: readonly string[];
  timesMs: readonly number[];
  grownMiB: number;
}

/**
 * One round of the impersonating agent that does wrong things by chance, beside a neighbour. The same
 * seed makes the same round, as far as the order in which calls come in is the same.
 */
export async function attackByChance(seed: number, neighbour: Neighbour): Promise<ChanceReport> {
  using memory = new MemoryWatch();
  const attacking = attack({ seed }, { timesEach: 1 + (seed % MAX_TIMES_EACH) });
  const { wrong, timesMs } = await neighbour.during(attacking);
  const { faults } = await attacking;
  const { grownMiB } = memory;
  const grown = grownMiB > MAX_GROWN_MIB ? [`the process grew by ${grownMiB} MiB`] : [];
  const ofNeighbour = wrong.map((each) => `the neighbour: ${each}`);
  return { faults: [...faults, ...ofNeighbour, ...grown], timesMs, grownMiB };
}
