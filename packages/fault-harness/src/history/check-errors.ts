import type { SandboxErrorCode } from "@carrel/backend-protocol";
import { callsOf, latestEffectMs, tell } from "./call-queries.ts";
import type { CallOf } from "./call-queries.ts";
import type { Call, Operation, Violation } from "./history.ts";

/** Codes that an operation may fail with; `every` holds for each. */
export type AllowedErrors = Readonly<
  Partial<Record<Operation["name"] | "every", readonly SandboxErrorCode[]>>
>;

/** A call may also find its session `gone` where somebody ends it at the same time. */
export function checkErrors(calls: readonly Call[], allowed: AllowedErrors): Violation[] {
  const ends = callsOf(calls, "end");
  return calls.flatMap((call): Violation[] => {
    if (call.result.kind !== "error") return [];
    const { code, message } = call.result;
    const codes: readonly string[] = [
      ...(allowed.every ?? []),
      ...(allowed[call.operation.name] ?? []),
    ];
    if (codes.includes(code) || (code === "gone" && isEndedAmid(call, ends))) return [];
    const what = `${tell(call)} failed with ${code}: ${message}`;
    return [{ rule: "allowed-errors", key: call.key, message: what }];
  });
}

function isEndedAmid(call: Call, ends: readonly CallOf<"end">[]): boolean {
  return ends.some(
    (end) =>
      end.key === call.key &&
      end.startedAtMs < (call.endedAtMs ?? Infinity) &&
      latestEffectMs(end) > call.startedAtMs,
  );
}
