/** What the engine measures of a container; `null` for what it leaves out, and of a stopped one. */
export interface ContainerUsage {
  memoryBytes: number | null;
  cpuMs: number | null;
  /** Processes and threads, those of the agent included. */
  processCount: number | null;
}

const NANOSECONDS_PER_MS = 1_000_000;

export function readStatistics(statistics: unknown): ContainerUsage {
  const usedNs = count(statistics, "cpu_stats", "cpu_usage", "total_usage");
  return {
    memoryBytes: memoryInUse(statistics),
    cpuMs: usedNs === null ? null : Math.round(usedNs / NANOSECONDS_PER_MS),
    processCount: count(statistics, "pids_stats", "current"),
  };
}

/** Without the cache of files, which the kernel gives up before anything fails. */
function memoryInUse(statistics: unknown): number | null {
  const used = count(statistics, "memory_stats", "usage");
  if (used === null) return null;
  // In the words of the first and of the second version of control groups.
  const cached =
    count(statistics, "memory_stats", "stats", "total_inactive_file") ??
    count(statistics, "memory_stats", "stats", "inactive_file") ??
    0;
  return Math.max(0, used - cached);
}

function count(value: unknown, ...path: readonly string[]): number | null {
  let found = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null) return null;
    found = Reflect.get(found, name);
  }
  return typeof found === "number" && Number.isFinite(found) && found >= 0 ? found : null;
}
