/** Milliseconds that only ever grow. `performance` is one; wall time, which people set, is not. */
export interface MonotonicClock {
  now(): number;
}
