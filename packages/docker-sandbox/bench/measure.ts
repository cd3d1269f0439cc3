import { performance } from "node:perf_hooks";

/** Times in milliseconds, by how large a share of the rounds was faster. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** How long each round takes; one more before them, uncounted, warms everything up. */
export async function measure(rounds: number, work: () => Promise<unknown>): Promise<Percentiles> {
  await work();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await timed(work));
  return percentiles(times);
}

/** How long it takes once, in milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

function percentiles(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
