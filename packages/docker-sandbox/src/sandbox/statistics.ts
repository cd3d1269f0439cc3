import type { SandboxUsage } from "@carrel/backend-protocol";

type EngineUsage = Omit<SandboxUsage, "diskBytes" | "diskLimitBytes">;

const NANOSECONDS_PER_MS = 1_000_000;

/** What the engine measures of a container; it leaves out what it cannot, and of a stopped one all. */
export function readStatistics(statistics: unknown): EngineUsage {
  const usedNs = count(statistics, "cpu_stats", "cpu_usage", "total_usage");
  return {
    memoryBytes: count(statistics, "memory_stats", "usage"),
    memoryLimitBytes: count(statistics, "memory_stats", "limit"),
    cpuMs: usedNs === null ? null : Math.round(usedNs / NANOSECONDS_PER_MS),
    processCount: count(statistics, "pids_stats", "current"),
    processLimit: count(statistics, "pids_stats", "limit"),
  };
}

function count(value: unknown, ...path: readonly string[]): number | null {
  let found = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null) return null;
    found = Reflect.get(found, name);
  }
  return typeof found === "number" && Number.isFinite(found) && found >= 0 ? found : null;
}
