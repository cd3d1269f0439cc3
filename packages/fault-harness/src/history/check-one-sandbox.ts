import { callsOf } from "./call-queries.ts";
import type { Call, ContainerLife, History, Violation } from "./history.ts";

/** At no time has a key two sandboxes: on the engine, or in what callers see from the inside. */
export function checkOneSandbox({ calls, containers }: History): Violation[] {
  const lives = [...Map.groupBy(containers, ({ key }) => key)].flatMap(([key, ofKey]) =>
    overlaps(
      ofKey.map(({ id, createdAtMs, removedAtMs }: ContainerLife) => ({
        name: `the container ${id.slice(0, 12)}`,
        fromMs: createdAtMs,
        untilMs: removedAtMs ?? Infinity,
      })),
    ).map((message): Violation => ({ rule: "one-sandbox-per-key", key, message })),
  );
  const seen = [...Map.groupBy(callsOf(calls, "identify"), ({ key }) => key)].flatMap(
    ([key, ofKey]) =>
      overlaps(seenLives(ofKey)).map((message): Violation => ({
        rule: "one-sandbox-per-key",
        key,
        message,
      })),
  );
  return [...lives, ...seen];
}

interface Life {
  name: string;
  fromMs: number;
  untilMs: number;
}

/**
 * An answer was given some time between the call's two ends. So a sandbox lived for sure from the
 * first end of a call that saw it until the last beginning of one.
 */
function seenLives(calls: readonly Call[]): Life[] {
  const lives = new Map<string, Life>();
  for (const { result, startedAtMs, endedAtMs } of calls) {
    if (result.kind !== "ok" || typeof result.value !== "string" || endedAtMs === null) continue;
    const name = `the sandbox that says it is ${result.value}`;
    const life = lives.get(name) ?? { name, fromMs: Infinity, untilMs: -Infinity };
    life.fromMs = Math.min(life.fromMs, endedAtMs);
    life.untilMs = Math.max(life.untilMs, startedAtMs);
    lives.set(name, life);
  }
  return [...lives.values()].filter(({ fromMs, untilMs }) => fromMs < untilMs);
}

function overlaps(lives: readonly Life[]): string[] {
  const sorted = lives.toSorted((a, b) => a.fromMs - b.fromMs);
  const found: string[] = [];
  let longest: Life | null = null;
  for (const life of sorted) {
    if (longest && life.fromMs < longest.untilMs) {
      found.push(
        `${longest.name} was there until ${at(longest.untilMs)}, and beside it, from ${at(life.fromMs)} on, ${life.name}.`,
      );
    }
    if (!longest || life.untilMs > longest.untilMs) longest = life;
  }
  return found;
}

function at(milliseconds: number): string {
  return milliseconds === Infinity ? "the end" : `${Math.round(milliseconds)} ms`;
}
