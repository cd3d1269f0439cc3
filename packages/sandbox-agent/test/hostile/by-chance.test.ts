import { expect, it } from "vitest";
import { attackByChance } from "./by-chance.ts";
import { heldMiB } from "./memory-watch.ts";
import { Neighbour, percentile } from "./neighbour.ts";

const FIRST_SEED = 20_261_130;
/** As many as take about 20 seconds. `npm run soak -- impersonator` goes on from there. */
const ROUNDS = 75;
const MAX_HELD_MIB = 64;

it("an impersonating agent that does wrong by chance: nobody else notices", async () => {
  await using neighbour = await Neighbour.settle();
  const heldBefore = heldMiB();
  const timesMs: number[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
    const report = await attackByChance(seed, neighbour);
    expect(report.faults, `seed ${seed}`).toEqual([]);
    timesMs.push(...report.timesMs);
  }
  expect(percentile(timesMs, 99)).toBeLessThan(neighbour.boundMs);
  expect(heldMiB() - heldBefore).toBeLessThan(MAX_HELD_MIB);
}, 120_000);
