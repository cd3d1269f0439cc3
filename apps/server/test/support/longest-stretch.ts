/** What work cost that was watched. */
export interface Watched<Result> {
  result: Result;
  /** Longest that the event loop computed without a turn, in milliseconds of this thread's own time. */
  longestStretchMs: number;
  /** How much more memory the process had at its peak than before, in bytes. */
  grownBytes: number;
}

const LOOK_EVERY_MS = 5;

/**
 * Watches the event loop while work is done. What other processes take of the machine does not count:
 * a stretch is measured by the thread's own time.
 */
export async function watched<Result>(work: () => Promise<Result>): Promise<Watched<Result>> {
  const before = process.memoryUsage.rss();
  let peak = before;
  let longestStretchMs = 0;
  let last = process.threadCpuUsage();
  const look = (): void => {
    const { user, system } = process.threadCpuUsage(last);
    last = process.threadCpuUsage();
    longestStretchMs = Math.max(longestStretchMs, (user + system) / 1000);
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  try {
    const result = await work();
    look();
    return { result, longestStretchMs, grownBytes: peak - before };
  } finally {
    clearInterval(timer);
  }
}
