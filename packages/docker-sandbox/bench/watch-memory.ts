import { memoryUsage } from "node:process";

const INTERVAL_MS = 10;

/** Watches how much this process's memory grows. @returns what ends the watch, and gives the most */
export function watchMemory(): { stop: () => number } {
  const before = memoryUsage.rss();
  let most = before;
  const look = (): void => {
    most = Math.max(most, memoryUsage.rss());
  };
  const timer = setInterval(look, INTERVAL_MS);
  return {
    stop() {
      clearInterval(timer);
      look();
      return most - before;
    },
  };
}
