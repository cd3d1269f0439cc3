import { vi } from "vitest";

/** A clock that stands still but for {@link FakeTime.pass}. */
export class FakeTime implements Disposable {
  constructor() {
    vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
    });
    // Node's own is outside of the clock that is replaced.
    vi.spyOn(AbortSignal, "timeout").mockImplementation((delayMs) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new DOMException("late", "TimeoutError")), delayMs);
      return controller.signal;
    });
  }

  async pass(elapsedMs: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(elapsedMs);
    await settled();
  }

  [Symbol.dispose](): void {
    vi.useRealTimers();
    vi.restoreAllMocks();
  }
}

/** All that needs no time has happened: streams in memory take a few turns of the loop. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
