import type { SandboxProvider } from "@carrel/backend-protocol";
import type { AnchoredTime } from "./anchored-time.ts";
import type { MonotonicClock } from "./monotonic-clock.ts";
import { OpenSession } from "./open-session.ts";
import { SandboxSlot } from "./sandbox-slot.ts";
import { isSessionKey } from "./session-key.ts";
import { NO_USER, shareOf } from "./session-store.ts";
import type { NewSession, SessionRecord } from "./session-store.ts";
import type { UserBudgets } from "./user-budgets.ts";

export interface SessionRegistryOptions {
  provider: SandboxProvider;
  clock: MonotonicClock;
  time: AnchoredTime;
  budgets: UserBudgets;
}

/**
 * The sessions that this manager knows, and the slots of their sandboxes. A slot is here while it
 * has a session, is in memory or is held. Nothing in it waits, so that a look and the change that
 * follows are one step.
 */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #sessions = new Map<string, OpenSession>();
  readonly #slots = new Map<string, { slot: SandboxSlot; sessions: Set<OpenSession> }>();

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
  }

  get(id: string): OpenSession | null {
    return this.#sessions.get(id) ?? null;
  }

  all(): OpenSession[] {
    return [...this.#sessions.values()];
  }

  slots(): SandboxSlot[] {
    return [...this.#slots.values()].map(({ slot }) => slot);
  }

  slot(key: string): SandboxSlot | null {
    return this.#slots.get(key)?.slot ?? null;
  }

  /** Returns the share of a key's sandbox. If it is that of a session which is not known any more, it counts as without a user id. */
  shareOfKey(key: string): string {
    const slot = this.slot(key);
    if (slot) return shareOf(slot.userId);
    return isSessionKey(key) ? NO_USER : key;
  }

  /** The slot of a key, made where there is none. */
  slotOf(key: string, userId: string | null): SandboxSlot {
    return this.#entry(key, userId).slot;
  }

  /** The sessions that share the sandbox of a key. */
  sharing(key: string): OpenSession[] {
    return [...(this.#slots.get(key)?.sessions ?? [])];
  }

  /** Of those that share it, the ones that are open already. */
  established(key: string): OpenSession[] {
    return this.sharing(key).filter(({ established }) => established);
  }

  /** One that is asked for now. */
  add(identity: NewSession): OpenSession {
    const { slot, sessions } = this.#entry(identity.key, identity.userId);
    const session = new OpenSession(identity, slot);
    sessions.add(session);
    this.#sessions.set(identity.id, session);
    return session;
  }

  /** One that the store has: as it is known here already, or from what the store tells. */
  recall(record: SessionRecord): OpenSession {
    const known = this.get(record.id);
    if (known) return known;
    const { id, key, userId, scope } = record;
    const session = this.add({ id, key, userId, scope });
    session.recall(record, this.#options.time.since(record.lastUsedAt));
    return session;
  }

  forget(session: OpenSession): void {
    if (session.closed) return;
    session.closed = true;
    this.#sessions.delete(session.id);
    this.#slots.get(session.key)?.sessions.delete(session);
    this.prune(session.key);
  }

  /** Forget the slot of a key where nothing is left to look after. */
  prune(key: string): void {
    const entry = this.#slots.get(key);
    if (!entry || entry.sessions.size > 0) return;
    if (entry.slot.asleep) this.#slots.delete(key);
  }

  #entry(key: string, userId: string | null): { slot: SandboxSlot; sessions: Set<OpenSession> } {
    const known = this.#slots.get(key);
    if (known) return known;
    const { provider, clock, budgets } = this.#options;
    const entry = {
      slot: new SandboxSlot({ key, userId, provider, clock, memory: budgets.of(userId) }),
      sessions: new Set<OpenSession>(),
    };
    this.#slots.set(key, entry);
    return entry;
  }
}
