import type { SessionEvent, SessionEvents } from "./session-events.ts";

/** Events that wait for a slow reader at most. */
export const MAX_BUFFERED_EVENTS = 1024;

export interface EventStreamOptions {
  /** Ends the iteration when it fires. */
  signal?: AbortSignal | undefined;
}

/**
 * The events from now on, for one reader. A reader that is too slow misses the oldest ones, and
 * `dropped` tells how many so far. It listens from when it is made until its iteration ends: by its
 * signal, by leaving the loop, or when the manager was shut down.
 */
export class EventStream implements AsyncIterableIterator<SessionEvent, undefined> {
  #buffer: SessionEvent[] = [];
  #dropped = 0;
  #ended = false;
  #wake: (() => void) | null = null;
  readonly #release: () => void;

  constructor(events: SessionEvents, { signal }: EventStreamOptions, closed: AbortSignal) {
    const unsubscribe = events.subscribe((event) => this.#push(event));
    const end = (): void => this.#end();
    this.#release = () => {
      unsubscribe();
      signal?.removeEventListener("abort", end);
      closed.removeEventListener("abort", end);
    };
    signal?.addEventListener("abort", end, { once: true });
    closed.addEventListener("abort", end, { once: true });
    if (signal?.aborted || closed.aborted) end();
  }

  /** How many events this reader missed because it was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What was buffered before the end still comes. One reader at a time. */
  async next(): Promise<IteratorResult<SessionEvent, undefined>> {
    while (this.#buffer.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const value = this.#buffer.shift();
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  async return(): Promise<IteratorResult<SessionEvent, undefined>> {
    this.#buffer = [];
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #push(event: SessionEvent): void {
    this.#buffer.push(event);
    if (this.#buffer.length > MAX_BUFFERED_EVENTS) {
      this.#buffer.shift();
      this.#dropped += 1;
    }
    this.#wake?.();
  }

  #end(): void {
    this.#ended = true;
    this.#release();
    this.#wake?.();
  }
}
