import { memoryUsage } from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const SAMPLE_MS = 10;
const MIB = 1024 * 1024;

/** Watches how much memory this process has, until it is disposed of. */
export class MemoryWatch implements Disposable {
  readonly #startBytes = memoryUsage.rss();
  #peakBytes = this.#startBytes;
  readonly #timer = setInterval(() => this.#sample(), SAMPLE_MS);

  /** How much more this process had at most than when the watch began, in MiB. */
  get grownMiB(): number {
    this.#sample();
    return Math.round((this.#peakBytes - this.#startBytes) / MIB);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    this.#peakBytes = Math.max(this.#peakBytes, memoryUsage.rss());
  }
}

/** What this process holds on to, in MiB: objects and buffers, without what is only reserved. */
export function heldMiB(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // Buffers that one collection finds are given back during the next.
  for (let times = 0; times < 3; times++) collect();
  const { heapUsed, external } = memoryUsage();
  return Math.round((heapUsed + external) / MIB);
}
