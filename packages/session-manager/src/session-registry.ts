import { OpenSession } from "./open-session.ts";
import { SandboxSlot } from "./sandbox-slot.ts";
import type { SandboxSlotOptions } from "./sandbox-slot.ts";
import type { SessionRecord } from "./session-store.ts";

/**
 * The sessions that this manager knows, and the slots of their sandboxes. A slot is here while it
 * has a session. Nothing in it waits, so that a look and the change that follows are one step.
 */
export class SessionRegistry {
  readonly #slotOptions: Omit<SandboxSlotOptions, "key">;
  readonly #sessions = new Map<string, OpenSession>();
  readonly #slots = new Map<string, { slot: SandboxSlot; sessions: Set<OpenSession> }>();

  constructor(slotOptions: Omit<SandboxSlotOptions, "key">) {
    this.#slotOptions = slotOptions;
  }

  /** How many sessions are open or being opened. */
  get size(): number {
    return this.#sessions.size;
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

  /** The sessions that share the sandbox of a key. */
  sharing(key: string): OpenSession[] {
    return [...(this.#slots.get(key)?.sessions ?? [])];
  }

  /** Of those that share it, the ones that are open already. */
  established(key: string): OpenSession[] {
    return this.sharing(key).filter(({ established }) => established);
  }

  /** @param established its record was read from the store */
  add(record: SessionRecord, established: boolean): OpenSession {
    let entry = this.#slots.get(record.key);
    if (!entry) {
      const slot = new SandboxSlot({ ...this.#slotOptions, key: record.key });
      entry = { slot, sessions: new Set() };
      this.#slots.set(record.key, entry);
    }
    const session = new OpenSession(record, entry.slot, established);
    entry.sessions.add(session);
    this.#sessions.set(record.id, session);
    return session;
  }

  forget(session: OpenSession): void {
    if (session.closed) return;
    session.closed = true;
    this.#sessions.delete(session.id);
    const { key } = session.record;
    const entry = this.#slots.get(key);
    entry?.sessions.delete(session);
    if (entry?.sessions.size === 0) this.#slots.delete(key);
  }
}
