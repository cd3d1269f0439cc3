import { performance } from "node:perf_hooks";

/** Times in milliseconds, by how large a share of the rounds was faster. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** What is measured. A function that it gives is called after each round, and not measured. */
export type Work = () => Promise<unknown>;

/**
 * How long each round of two works takes, in turns, so that what else the machine does meets both.
 * One more round before them, uncounted, warms everything up.
 */
export async function measureInTurns(
  first: { rounds: number; work: Work },
  second: { rounds: number; work: Work },
): Promise<[Percentiles, Percentiles]> {
  const times: [number[], number[]] = [[], []];
  await timed(first.work);
  await timed(second.work);
  for (let round = 0; round < Math.max(first.rounds, second.rounds); round++) {
    if (isDue(round, first, second)) times[0].push(await timed(first.work));
    if (isDue(round, second, first)) times[1].push(await timed(second.work));
  }
  return [percentiles(times[0]), percentiles(times[1])];
}

/** Spreads the rounds of the one that has fewer over those of the other. */
function isDue(round: number, own: { rounds: number }, other: { rounds: number }): boolean {
  const most = Math.max(own.rounds, other.rounds);
  return Math.floor(((round + 1) * own.rounds) / most) > Math.floor((round * own.rounds) / most);
}

/** How long it takes once, in milliseconds. */
export async function timed(work: Work): Promise<number> {
  const startMs = performance.now();
  const cleanUp = await work();
  const tookMs = performance.now() - startMs;
  if (isCleanUp(cleanUp)) await cleanUp();
  return tookMs;
}

function isCleanUp(given: unknown): given is () => Promise<unknown> {
  return typeof given === "function";
}

export function percentiles(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
