import type { Call, Operation } from "./history.ts";

export type CallOf<N extends Operation["name"]> = Call & {
  operation: Extract<Operation, { name: N }>;
};

export function callsOf<N extends Operation["name"]>(
  calls: readonly Call[],
  ...names: readonly N[]
): CallOf<N>[] {
  const wanted: readonly string[] = names;
  return calls.filter((call): call is CallOf<N> => wanted.includes(call.operation.name));
}

export function succeeded(call: Call): boolean {
  return call.result.kind === "ok";
}

/**
 * When its effect was over at the latest. A call that failed or was never answered may still take
 * effect later, as far as its caller knows.
 */
export function latestEffectMs(call: Call): number {
  return succeeded(call) && call.endedAtMs !== null ? call.endedAtMs : Infinity;
}

/** By key, and within it by path. */
export function groupByFile<T extends Call & { operation: { path: string } }>(
  calls: readonly T[],
): T[][] {
  return [
    ...Map.groupBy(calls, ({ key, operation }) => JSON.stringify([key, operation.path])).values(),
  ];
}

/** Who, what and when, for a message. */
export function tell({ caller, operation, startedAtMs, endedAtMs }: Call): string {
  const path = "path" in operation ? ` ${operation.path}` : "";
  const end = endedAtMs === null ? "…" : Math.round(endedAtMs);
  return `${caller}: ${operation.name}${path} (${Math.round(startedAtMs)} to ${end} ms)`;
}
