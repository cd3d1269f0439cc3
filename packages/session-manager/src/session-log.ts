import { SandboxError } from "@carrel/backend-protocol";
import type { Deadline } from "./deadline.ts";
import type { SessionEvent } from "./session-events.ts";
import type { LoggedEvent, SessionStore } from "./session-store.ts";
import { Tally } from "./tally.ts";

/** Events that wait for the store at most; the oldest go first. Each takes less than a kilobyte. */
const MAX_UNLOGGED_EVENTS = 10_000;
/** Most events of one user that wait. Further ones are not logged, so that they push out nobody else's. */
const MAX_UNLOGGED_OF_USER = 1000;
const MAX_BATCH = 500;

type Entry = Omit<LoggedEvent, "sequence" | "at">;

interface Pending {
  entry: Entry;
  /** It waits no more. */
  release: () => void;
}

/** Writes what happened into the store's log, in batches, and never lets anybody wait for that. */
export class SessionLog {
  readonly #store: SessionStore;
  readonly #shareOfKey: (key: string) => string;
  /** How many wait of each share. */
  readonly #waiting = new Tally();
  #pending: Pending[] = [];
  #lost = 0;

  /** @param shareOfKey whose the sandbox of a key is */
  constructor(store: SessionStore, shareOfKey: (key: string) => string) {
    this.#store = store;
    this.#shareOfKey = shareOfKey;
  }

  /** How many events will never be in the log. */
  get lost(): number {
    return this.#lost;
  }

  add(event: SessionEvent): void {
    const entry = entryOf(event);
    if (!entry) return;
    const share = entry.key === null ? null : this.#shareOfKey(entry.key);
    if (share !== null && this.#waiting.of(share) >= MAX_UNLOGGED_OF_USER) {
      this.#lost += 1;
      return;
    }
    const release = share === null ? () => undefined : this.#waiting.add(share);
    this.#pending.push({ entry, release });
    this.#dropExcess();
  }

  /** @throws what the store throws; what could not be written waits for the next time */
  async flush(deadline: Deadline): Promise<void> {
    while (this.#pending.length > 0) {
      // Taken out first: while they are written others may come, and the oldest be dropped.
      const batch = this.#pending.splice(0, MAX_BATCH);
      try {
        await deadline.run(() => this.#store.log(batch.map(({ entry }) => entry)));
      } catch (error) {
        this.#pending.unshift(...batch);
        this.#dropExcess();
        throw error;
      }
      for (const { release } of batch) release();
    }
  }

  #dropExcess(): void {
    const excess = this.#pending.length - MAX_UNLOGGED_EVENTS;
    if (excess <= 0) return;
    for (const { release } of this.#pending.splice(0, excess)) release();
    this.#lost += excess;
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
