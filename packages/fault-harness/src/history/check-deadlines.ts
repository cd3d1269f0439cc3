import { tell } from "./call-queries.ts";
import type { Call, Violation } from "./history.ts";

export function checkDeadlines(calls: readonly Call[], graceMs: number): Violation[] {
  return calls.flatMap((call): Violation[] => {
    const { key, result, startedAtMs, endedAtMs, deadlineMs } = call;
    if (endedAtMs === null) {
      if (result.kind === "unknown") return [];
      return [{ rule: "deadline-kept", key, message: `${tell(call)} never came back.` }];
    }
    const tookMs = endedAtMs - startedAtMs;
    if (tookMs <= deadlineMs + graceMs) return [];
    const message = `${tell(call)} took ${Math.round(tookMs)} ms and may take ${deadlineMs}.`;
    return [{ rule: "deadline-kept", key, message }];
  });
}
