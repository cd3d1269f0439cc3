import { callsOf, succeeded, tell } from "./call-queries.ts";
import type { Call, Violation } from "./history.ts";

const FORGOTTEN: readonly string[] = ["not-found", "gone"];

/** A session that was opened is there until somebody asks to end it. */
export function checkRemembered(calls: readonly Call[]): Violation[] {
  const byKey = Map.groupBy(calls, ({ key }) => key);
  return [...byKey.values()].flatMap((ofKey) => {
    const opens = callsOf(ofKey, "open").filter(succeeded);
    const ends = callsOf(ofKey, "end");
    return callsOf(ofKey, "look").flatMap((look): Violation[] => {
      if (look.result.kind !== "error" || !FORGOTTEN.includes(look.result.code)) return [];
      const open = opens.findLast(({ endedAtMs }) => (endedAtMs ?? Infinity) < look.startedAtMs);
      if (!open) return [];
      // One that was not answered may end a session long after it was asked.
      const mayBeEnded = ends.some(
        ({ startedAtMs, endedAtMs, result }) =>
          startedAtMs < (look.endedAtMs ?? Infinity) &&
          (result.kind !== "ok" || (endedAtMs ?? Infinity) > open.startedAtMs),
      );
      if (mayBeEnded) return [];
      const message = `${tell(look)} found no session (${look.result.code}), though ${tell(open)} opened it and nobody ended it.`;
      return [{ rule: "session-remembered", key: look.key, message }];
    });
  });
}
