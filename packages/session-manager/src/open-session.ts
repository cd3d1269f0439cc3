import type { SandboxSlot } from "./sandbox-slot.ts";
import type { SessionInfo, SessionState } from "./session-info.ts";
import type { SessionRecord } from "./session-store.ts";

/** A session that this manager knows, from the moment when it is reserved until it ended. */
export class OpenSession {
  readonly slot: SandboxSlot;
  record: SessionRecord;
  /** Its record stands in the store: it counts as opened. */
  established: boolean;
  /** Its end was asked for and is under way, or failed and is to be tried again. */
  ending = false;
  /** It ended, or never came to be. A session of the same id is another object. */
  closed = false;
  /** How many callers are opening it. While it is not established, the last to fail forgets it. */
  openers = 0;
  /** For people; what is decided by it is measured on the slot's clock. */
  #lastActiveAt: number = Date.now();
  #lastUsedAt: number;

  constructor(record: SessionRecord, slot: SandboxSlot, established: boolean) {
    this.record = record;
    this.slot = slot;
    this.established = established;
    this.#lastUsedAt = slot.clock.now();
  }

  get id(): string {
    return this.record.id;
  }

  get state(): SessionState {
    if (this.ending) return "ending";
    if (!this.established || this.slot.starting) return "starting";
    return this.slot.resident ? "running" : "stopped";
  }

  /** Keep its sandbox awake until the returned function is called. Both ends count as activity. */
  hold(): () => void {
    const release = this.slot.hold();
    this.#touch();
    return () => {
      release();
      this.#touch();
    };
  }

  /** Whether it is open, its sandbox sleeps, and nobody used the session for that long. */
  isForgotten(milliseconds: number): boolean {
    if (this.closed || this.ending || !this.established || !this.slot.asleep) return false;
    const { slot, record } = this;
    // A workspace that goes with the session is kept longer after work that nobody here held.
    const since = record.scope === "session" ? slot.lastActiveAt : this.#lastUsedAt;
    return slot.clock.now() - since >= milliseconds;
  }

  describe(): SessionInfo {
    const { id, userId, scope, createdAt } = this.record;
    const lastActiveAt = new Date(this.#lastActiveAt).toISOString();
    return { id, userId, scope, state: this.state, createdAt, lastActiveAt };
  }

  #touch(): void {
    this.#lastActiveAt = Date.now();
    this.#lastUsedAt = this.slot.clock.now();
  }
}
