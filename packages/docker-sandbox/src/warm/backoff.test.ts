import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Backoff } from "./backoff.ts";

describe("A backoff", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** How long the next pause takes, to within a tenth of a second. */
  async function pauseMs(backoff: Backoff): Promise<number> {
    let ended = false;
    void backoff.pause(new AbortController().signal).then(() => (ended = true));
    const startMs = Date.now();
    while (!ended) await vi.advanceTimersByTimeAsync(100);
    return Date.now() - startMs;
  }

  it("waits longer after each failure, up to a minute", async () => {
    const backoff = new Backoff();
    for (const longestMs of [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      const waitedMs = await pauseMs(backoff);
      expect(waitedMs).toBeGreaterThanOrEqual(longestMs / 2);
      expect(waitedMs).toBeLessThanOrEqual(longestMs + 100);
    }
    expect(backoff.failures).toBe(9);
  });

  it("ends at once when something else succeeded, and begins anew", async () => {
    const backoff = new Backoff();
    for (let failure = 0; failure < 5; failure++) await pauseMs(backoff);
    const pause = backoff.pause(new AbortController().signal);
    backoff.succeeded();
    await pause;
    expect(backoff.failures).toBe(0);
    expect(await pauseMs(backoff)).toBeLessThanOrEqual(600);
  });

  it("ends when it is given up", async () => {
    const stop = new AbortController();
    const pause = new Backoff().pause(stop.signal);
    stop.abort();
    await pause;
  });
});
