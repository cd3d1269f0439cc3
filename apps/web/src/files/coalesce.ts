export interface Coalesced {
  /** Ask for a run: now, or after the one that is going on. */
  request: () => void;
  stop: () => void;
}

/**
 * Runs a task when it is asked for, never twice at a time, and not more often than it can bear:
 * requests that come while it runs, or right after, become one run.
 *
 * @param pauseMs how long to rest after a run that took this long
 */
export function coalesce(
  task: () => Promise<void>,
  pauseMs: (durationMs: number) => number,
): Coalesced {
  let state: "idle" | "busy" | "asked" = "idle";
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = async () => {
    state = "busy";
    const startedAt = performance.now();
    await task();
    if (!stopped) timer = setTimeout(rest, pauseMs(performance.now() - startedAt));
  };
  const rest = () => {
    if (state === "asked") void run();
    else state = "idle";
  };
  return {
    request() {
      if (stopped) return;
      if (state === "idle") void run();
      else state = "asked";
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
