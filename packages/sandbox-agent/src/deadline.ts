import type { AwakeClock } from "./awake-clock.ts";

/** The longest delay that a timer takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** When something has to be over, on the clock of a sandbox: whatever connection it goes over. */
export class Deadline {
  readonly #clock: AwakeClock;
  readonly #expired = new AbortController();
  #atMs: number;
  #timer: NodeJS.Timeout | null = null;
  #cleared = false;

  constructor(clock: AwakeClock, limitMs: number) {
    this.#clock = clock;
    this.#atMs = clock.nowMs + limitMs;
    this.#wait();
  }

  /** Fires when the time is up. */
  get signal(): AbortSignal {
    return this.#expired.signal;
  }

  /** Allow no more than this from now on. */
  shortenTo(limitMs: number): void {
    const atMs = this.#clock.nowMs + limitMs;
    if (atMs >= this.#atMs) return;
    this.#atMs = atMs;
    this.#wait();
  }

  /** It is over: nothing fires any more. */
  clear(): void {
    this.#cleared = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#cleared) return;
    if (this.#timer) clearTimeout(this.#timer);
    const leftMs = Math.max(0, this.#atMs - this.#clock.nowMs);
    this.#timer = setTimeout(() => void this.#look(), Math.min(leftMs, MAX_DELAY_MS));
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    // Meanwhile it may have been suspended, and no time has passed since.
    await this.#clock.awake;
    if (this.#cleared) return;
    if (this.#clock.nowMs < this.#atMs) this.#wait();
    else this.#expired.abort();
  }
}
