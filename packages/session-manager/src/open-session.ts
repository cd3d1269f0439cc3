import type { SandboxSlot } from "./sandbox-slot.ts";
import type { SessionInfo, SessionState } from "./session-info.ts";
import type { NewSession, SessionRecord } from "./session-store.ts";

/** A session that this manager knows, from the moment when it is asked for until it ended. */
export class OpenSession {
  readonly slot: SandboxSlot;
  readonly identity: NewSession;
  /** It is open: its sandbox ran, and the store knows that. */
  established = false;
  /** The store was asked to reserve it, so that a record of it may stand there. */
  reserved = false;
  /** It was not open, nor being opened by another manager, when this one reserved it. */
  isNew = false;
  /** Its end was asked for and is under way, or failed and is to be tried again. */
  ending = false;
  /** An end of it was begun before and failed: nobody knows how far it came. */
  endFailed = false;
  /** This manager ended it. */
  ended = false;
  /** It ended, or never came to be. A session of the same id is another object. */
  closed = false;
  /** How many callers are opening it. While it is not established, the last to fail forgets it. */
  openers = 0;
  /**
   * Somebody used it since it was opened, here or elsewhere. Until then the store is told of no use, so that
   * everybody can see it there.
   */
  used = false;
  /** ISO 8601; by this manager until the store told. */
  createdAt: string = new Date().toISOString();
  /** For people; what is decided by it is measured on the slot's clock. */
  #lastActiveAt: number = Date.now();
  #lastUsedAt: number;
  #writtenUseAt: number;
  #holds = 0;

  constructor(identity: NewSession, slot: SandboxSlot) {
    this.identity = identity;
    this.slot = slot;
    this.#lastUsedAt = slot.clock.now();
    this.#writtenUseAt = this.#lastUsedAt;
  }

  get id(): string {
    return this.identity.id;
  }

  get key(): string {
    return this.identity.key;
  }

  get state(): SessionState {
    if (this.ending) return "ending";
    if (!this.established || this.slot.starting) return "starting";
    if (!this.slot.resident) return "stopped";
    return this.slot.paused ? "paused" : "running";
  }

  /** It was found in the store. @param unusedMs how long nobody used it, as far as the store knows */
  recall(record: SessionRecord, unusedMs: number): void {
    this.createdAt = record.createdAt;
    this.established = record.state === "open";
    this.used ||= record.lastUsedAt !== record.createdAt;
    this.slot.recallUse(unusedMs);
    this.#lastUsedAt = this.slot.clock.now() - unusedMs;
    this.#writtenUseAt = this.#lastUsedAt;
    this.#lastActiveAt = Math.min(Date.parse(record.lastUsedAt), Date.now());
  }

  /**
   * Keep its sandbox awake until the returned function is called. Both ends count as activity.
   * @param isUse whether somebody uses the session; to open it is no use of it
   */
  hold({ isUse = true }: { isUse?: boolean } = {}): () => void {
    if (isUse && !this.used) {
      this.used = true;
      // The store is told of the first use even if it was in the millisecond of the opening.
      this.#writtenUseAt = Number.NEGATIVE_INFINITY;
    }
    const release = this.slot.hold();
    this.#holds += 1;
    this.touch();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      release();
      this.#holds -= 1;
      this.touch();
    };
  }

  touch(): void {
    this.#lastActiveAt = Date.now();
    this.#lastUsedAt = this.slot.clock.now();
  }

  /** When it was last used, by the slot's clock, where the store has not been told; otherwise `null`. */
  get unwrittenUse(): number | null {
    if (!this.used) return null;
    if (this.#holds > 0) return this.slot.clock.now();
    return this.#lastUsedAt > this.#writtenUseAt ? this.#lastUsedAt : null;
  }

  /** The store was told of its use at that time. */
  noteWritten(usedAt: number): void {
    this.#writtenUseAt = Math.max(this.#writtenUseAt, usedAt);
  }

  /** Whether it is open, its sandbox sleeps, and nobody used the session for that long. */
  isForgotten(milliseconds: number): boolean {
    if (this.closed || this.ending || !this.established || !this.slot.asleep) return false;
    const { slot, identity } = this;
    // A workspace that goes with the session is kept longer after work that nobody here held.
    const since = identity.scope === "session" ? slot.lastActiveAt : this.#lastUsedAt;
    return slot.clock.now() - since >= milliseconds;
  }

  describe(): SessionInfo {
    const { id, userId, scope } = this.identity;
    const { state, createdAt, slot } = this;
    const lastActiveAt = new Date(this.#lastActiveAt).toISOString();
    return { id, userId, scope, state, progress: slot.progress, createdAt, lastActiveAt };
  }
}
