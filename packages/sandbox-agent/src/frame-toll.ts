import { performance } from "node:perf_hooks";
import { FrameError } from "./frames.ts";

/** How many may come at once: more than any honest agent sends in a day. */
const BURST = 10_000;
/** How many more may come in each second. */
const PER_SECOND = 1000;

/**
 * Bounds the frames that make work and bring nothing: an agent's `PING`, and a `WINDOW` of a few bytes or
 * of more than was sent. The connection of an agent that sends a flood of them is ended.
 */
export class FrameToll {
  #left = BURST;
  #countedAtMs = performance.now();

  /** @throws FrameError if too many came */
  take(): void {
    if (--this.#left >= 0) return;
    const nowMs = performance.now();
    const earned = ((nowMs - this.#countedAtMs) / 1000) * PER_SECOND;
    this.#countedAtMs = nowMs;
    this.#left = Math.min(Math.floor(earned), BURST) - 1;
    if (this.#left < 0) throw new FrameError("a flood of frames that bring nothing");
  }
}
