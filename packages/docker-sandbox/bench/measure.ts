import { performance } from "node:perf_hooks";

/** Times in milliseconds, by how large a share of the rounds was faster. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** What is measured. A function that it gives is called after each round, and not measured. */
export type Work = () => Promise<unknown>;

/** A server runs for long: what it does often was compiled long ago. */
const MAX_WARM_UP_ROUNDS = 100;
/** So often do both take turns, so that what else the machine does meets both. */
const TURNS = 5;

export interface Repeated {
  rounds: number;
  work: Work;
  /** What each round begins with, and is not measured. */
  prepare?: Work | undefined;
}

/** How long each round of two works takes, in turns of some rounds each. */
export async function measureInTurns(
  first: Repeated,
  second: Repeated,
): Promise<[Percentiles, Percentiles]> {
  const times: [number[], number[]] = [[], []];
  await repeat(first, Math.min(MAX_WARM_UP_ROUNDS, Math.ceil(first.rounds / 3)));
  await repeat(second, 1);
  for (let turn = 0; turn < TURNS; turn++) {
    times[0].push(...(await repeat(first, roundsOf(turn, first))));
    times[1].push(...(await repeat(second, roundsOf(turn, second))));
  }
  return [percentiles(times[0]), percentiles(times[1])];
}

/** The share of a turn, so that all turns together have all rounds. */
function roundsOf(turn: number, { rounds }: Repeated): number {
  return Math.floor(((turn + 1) * rounds) / TURNS) - Math.floor((turn * rounds) / TURNS);
}

async function repeat({ work, prepare }: Repeated, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await prepare?.();
    times.push(await timed(work));
  }
  return times;
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
