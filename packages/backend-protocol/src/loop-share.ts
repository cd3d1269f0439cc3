import { performance } from "node:perf_hooks";

/** How long one share works at a stretch. A request waits for several stretches of others. */
const STRETCH_MS = 3;
/** The part of the time that a share may use without waiting for a turn. */
const FREE_PART = 0.1;
/** How long ago its last turn must be: a share that goes on and on has nothing but turns. */
const QUIET_MS = 100;
/** What it takes to pass on a piece of data, and each of its bytes: measured, rounded up. */
const PIECE_MS = 0.002;
const MS_PER_BYTE = 1e-6;

/**
 * The event loop's time for one piece of work, or for one sandbox. Work that takes long is cut into
 * stretches with turns between them, so that a large answer or a flood of frames holds nobody else up.
 *
 * A share that uses little time never waits. The others take turns, one stretch in each turn of the
 * event loop, so that the loop is as quick with a hundred of them as with one.
 *
 * ```ts
 * for (const piece of work) {
 *   const turn = share.turn();
 *   if (turn) await turn;
 *   share.charge(millisecondsThatItTook);
 * }
 * ```
 */
export class LoopShare {
  /** Shares whose work waits, in the order of their turns. */
  static readonly #queue = new Set<LoopShare>();
  readonly #waiting: (() => void)[] = [];
  #creditMs = STRETCH_MS;
  #creditedAtMs = performance.now();
  #lastTurnMs = -Infinity;

  /** Counts time that the work took. */
  charge(ms: number): void {
    this.#creditMs -= ms;
  }

  /** Counts the time that it takes to pass on a piece of so many bytes, without a look at the clock. */
  chargePiece(bytes: number): void {
    this.charge(PIECE_MS + bytes * MS_PER_BYTE);
  }

  /** Returns `null` if the work may go on, otherwise what it waits for first. */
  turn(): Promise<void> | null {
    if (this.#creditMs > 0) return null;
    const nowMs = performance.now();
    if (nowMs - this.#lastTurnMs > QUIET_MS) {
      const earnedMs = (nowMs - this.#creditedAtMs) * FREE_PART;
      this.#creditMs = Math.min(this.#creditMs + earnedMs, STRETCH_MS);
      this.#creditedAtMs = nowMs;
      if (this.#creditMs > 0) return null;
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (LoopShare.#queue.size === 0) setImmediate(LoopShare.#next);
      LoopShare.#queue.add(this);
    });
  }

  /** Wakes one piece of work; the next one is woken in the next turn of the event loop. */
  static readonly #next = (): void => {
    const [share] = LoopShare.#queue;
    if (!share) return;
    const wake = share.#waiting.shift();
    LoopShare.#queue.delete(share);
    if (share.#waiting.length > 0) LoopShare.#queue.add(share);
    if (LoopShare.#queue.size > 0) setImmediate(LoopShare.#next);
    share.#creditMs = STRETCH_MS;
    share.#lastTurnMs = performance.now();
    share.#creditedAtMs = share.#lastTurnMs;
    wake?.();
  };
}
