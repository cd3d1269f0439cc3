import { SandboxError } from "@carrel/backend-protocol";
import type { Deadline } from "./deadline.ts";
import type { SessionEvent } from "./session-events.ts";
import type { LoggedEvent, SessionStore } from "./session-store.ts";

/** Events that wait for a store that is down at most; the oldest go first. */
const MAX_UNLOGGED_EVENTS = 10_000;
const MAX_BATCH = 500;

type Entry = Omit<LoggedEvent, "sequence" | "at">;

/** Writes what happened into the store's log, in batches, and never lets anybody wait for that. */
export class SessionLog {
  readonly #store: SessionStore;
  #pending: Entry[] = [];
  #lost = 0;

  constructor(store: SessionStore) {
    this.#store = store;
  }

  /** How many events will never be in the log. */
  get lost(): number {
    return this.#lost;
  }

  add(event: SessionEvent): void {
    const entry = entryOf(event);
    if (!entry) return;
    this.#pending.push(entry);
    if (this.#pending.length <= MAX_UNLOGGED_EVENTS) return;
    this.#pending.shift();
    this.#lost += 1;
  }

  /** @throws what the store throws; what could not be written waits for the next time */
  async flush(deadline: Deadline): Promise<void> {
    while (this.#pending.length > 0) {
      // Taken out first: while they are written others may come, and the oldest be dropped.
      const batch = this.#pending.splice(0, MAX_BATCH);
      try {
        await deadline.run(() => this.#store.log(batch));
      } catch (error) {
        this.#pending.unshift(...batch);
        const excess = this.#pending.splice(0, this.#pending.length - MAX_UNLOGGED_EVENTS);
        this.#lost += excess.length;
        throw error;
      }
    }
  }
}

/** `null`: too frequent to be worth a line. */
function entryOf(event: SessionEvent): Entry | null {
  if (event.type === "start-progress" || event.type === "store-failed") return null;
  if (event.type === "acquired" && event.path === "hit") return null;
  const { type, ...rest } = event;
  const { sessionId, key, error, ...detail } = {
    sessionId: null,
    key: null,
    error: undefined,
    ...rest,
  };
  // Of an error only the code: its message may tell what a user did.
  const code = error === undefined ? {} : { code: codeOf(error) };
  return { type, sessionId, key, detail: { ...detail, ...code } };
}

export function codeOf(error: unknown): SandboxError["code"] | "unknown" {
  return SandboxError.isInstance(error) ? error.code : "unknown";
}
