import type { SandboxErrorCode } from "@carrel/backend-protocol";
import type { SessionProgress } from "./session-info.ts";

/** How a caller came to a sandbox: it ran, was taken from those made beforehand, slept, or was made. */
export type AcquirePath = "hit" | "warm" | "wake" | "cold";

/** Why a session ended: somebody asked, nobody used it, it reached its lifetime, or its user was deleted. */
export type EndReason = "asked" | "unused" | "too-old" | "purged";

interface OfSession {
  sessionId: string;
  /** Of its sandbox. */
  key: string;
}

/** What happened to a session or its sandbox, for logs, for metrics and for pages that show it. */
export type SessionEvent =
  /** Its sandbox runs, and its id can be used. `durationMs`: since it was asked for. */
  | (OfSession & { type: "session-opened"; durationMs: number })
  /** Its sandbox was asleep and runs again. */
  | (OfSession & { type: "session-woken" })
  /** Its sandbox was idle and was frozen in memory. */
  | (OfSession & { type: "session-paused" })
  /** Its sandbox was idle and was stopped, in time or because others needed the place. The session stays open. */
  | (OfSession & { type: "session-slept"; reason: "idle" | "evicted" })
  /** Its id is no longer valid. */
  | (OfSession & { type: "session-ended"; reason: EndReason })
  /** Its sandbox was lost, and another one took its place. Processes are gone, files are kept where the provider keeps them. */
  | (OfSession & { type: "sandbox-replaced"; sandboxId: string })
  /** Its sandbox was found running though nobody who lives looked after it; now this manager does. */
  | (OfSession & { type: "session-adopted" })
  /** A caller got its sandbox. `durationMs`: since it was asked for. */
  | (OfSession & { type: "acquired"; path: AcquirePath; durationMs: number })
  /** Its sandbox is on its way. */
  | (OfSession & { type: "start-progress" } & SessionProgress)
  /** A caller asked for its sandbox and got an error. `code`: `unknown` where it is no `SandboxError`. */
  | (OfSession & {
      type: "start-failed";
      code: SandboxErrorCode | "unknown";
      durationMs: number;
      error: unknown;
    })
  /**
   * A sandbox could not be paused, stopped or deleted, and no caller was there to be told. The next
   * clean-up tries again. `sessionId` is `null` for one that no session is open for.
   */
  | { type: "stop-failed"; sessionId: string | null; key: string; error: unknown }
  /** A sandbox ran though no session was open for it. */
  | { type: "orphan-cleared"; key: string; how: "stopped" | "removed" }
  /** What a sandbox took beside its files was given up. */
  | { type: "sandbox-discarded"; key: string }
  /** Files were deleted because nobody used them, nobody could reach them, or their user was deleted. */
  | { type: "workspace-deleted"; key: string; reason: "unused" | "orphaned" | "purged" }
  /** A whole pass of the clean-up loop failed. The loop goes on. */
  | { type: "cleanup-failed"; error: unknown }
  /** Something could not be written into the store, or read from it, in the background. It is tried again. */
  | { type: "store-failed"; error: unknown };

/** Called at once, in the order of the events. What it throws or rejects with is dropped. */
export type SessionEventListener = (event: SessionEvent) => void | Promise<void>;

type StartListener = (progress: SessionProgress) => void;

/** Hands events to whoever subscribed. */
export class SessionEvents {
  readonly #listeners = new Set<SessionEventListener>();
  /** By session, who waits for its start. */
  readonly #starts = new Map<string, StartListener>();

  /** @returns the function that ends the subscription */
  subscribe(listener: SessionEventListener): () => void {
    // A wrapper, so that one function that subscribes twice is two subscriptions.
    const entry: SessionEventListener = (event) => listener(event);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  /**
   * Hand the progress of one session's start to whoever opens it: many wait at once, and none of
   * them is to look at what happens to the others. There is one for each session at most.
   * @returns the function that ends it
   */
  followStart(sessionId: string, listener: StartListener): () => void {
    this.#starts.set(sessionId, listener);
    return () => {
      this.#starts.delete(sessionId);
    };
  }

  emit(event: SessionEvent): void {
    // A copy: one that subscribes during an event hears only what comes after it.
    const listeners = [...this.#listeners];
    for (const listener of listeners) void deliver(listener, event);
    if (event.type === "start-progress") this.#tellStart(event);
  }

  #tellStart({ sessionId, phase, detail }: SessionProgress & { sessionId: string }): void {
    const listener = this.#starts.get(sessionId);
    if (listener) void deliver(listener, { phase, ...(detail !== undefined && { detail }) });
  }
}

async function deliver<T>(listener: (event: T) => void | Promise<void>, event: T): Promise<void> {
  try {
    await listener(event);
  } catch {
    // A listener only watches: its failure must not reach the user whose session it watches.
  }
}
