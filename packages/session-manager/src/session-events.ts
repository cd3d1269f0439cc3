/** What happened to a session, for logs and for pages that show it. */
export type SessionEvent =
  /** Its sandbox runs, and its id can be used. `durationMs`: since it was asked for. */
  | { type: "session-opened"; sessionId: string; durationMs: number }
  /** Its sandbox was asleep and runs again. */
  | { type: "session-woken"; sessionId: string }
  /** Its sandbox was idle and was stopped. The session stays open. */
  | { type: "session-slept"; sessionId: string }
  /** Its id is no longer valid. */
  | { type: "session-ended"; sessionId: string }
  /** Its sandbox was lost, and another one took its place. Processes are gone, files are kept where the provider keeps them. */
  | { type: "sandbox-replaced"; sessionId: string; sandboxId: string }
  /**
   * A sandbox could not be stopped or deleted, and no caller was there to be told. The next
   * clean-up tries again. `sessionId` is `null` for one that no session is open for.
   */
  | { type: "stop-failed"; sessionId: string | null; error: unknown }
  /** A whole pass of the clean-up loop failed. The loop goes on. */
  | { type: "cleanup-failed"; error: unknown };

/** Called at once, in the order of the events. What it throws or rejects with is dropped. */
export type SessionEventListener = (event: SessionEvent) => void | Promise<void>;

/** Hands events to whoever subscribed. */
export class SessionEvents {
  readonly #listeners = new Set<SessionEventListener>();

  /** @returns the function that ends the subscription */
  subscribe(listener: SessionEventListener): () => void {
    // A wrapper, so that one function that subscribes twice is two subscriptions.
    const entry: SessionEventListener = (event) => listener(event);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  emit(event: SessionEvent): void {
    // A copy: one that subscribes during an event hears only what comes after it.
    const listeners = [...this.#listeners];
    for (const listener of listeners) void deliver(listener, event);
  }
}

async function deliver(listener: SessionEventListener, event: SessionEvent): Promise<void> {
  try {
    await listener(event);
  } catch {
    // A listener only watches: its failure must not reach the user whose session it watches.
  }
}
