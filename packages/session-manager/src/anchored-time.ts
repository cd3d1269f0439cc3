import type { MonotonicClock } from "./monotonic-clock.ts";

/**
 * Wall time as it was at the start of this process, moved on by a clock that nobody sets: for ages
 * of what a store wrote down. A wall clock that jumps meanwhile makes nothing older or younger.
 */
export class AnchoredTime {
  readonly #clock: MonotonicClock;
  readonly #wallMinusClock: number;

  constructor(clock: MonotonicClock) {
    this.#clock = clock;
    this.#wallMinusClock = Date.now() - clock.now();
  }

  /** How long ago a time was, in milliseconds; 0 where it is still to come. @param time ISO 8601 */
  since(time: string): number {
    return Math.max(0, this.#wallMinusClock + this.#clock.now() - Date.parse(time));
  }
}
