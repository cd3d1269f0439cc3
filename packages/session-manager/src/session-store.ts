/**
 * Whose workspace a session works in.
 *
 * | scope | key of the sandbox | workspace |
 * |---|---|---|
 * | `user` | the user's id: all sessions of the user share one sandbox | outlives the session |
 * | `session` | the session's id: a sandbox of its own | deleted when the session ends |
 */
export type SessionScope = "user" | "session";

/** What is known of an open session, awake or asleep. */
export interface SessionRecord {
  readonly id: string;
  /** The key of its sandbox. */
  readonly key: string;
  /** `null`: opened for nobody in particular. */
  readonly userId: string | null;
  readonly scope: SessionScope;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
}

/**
 * Where the open sessions are written down. A record is here from the moment when the session's
 * sandbox first runs until the session ended; sleep does not change it. What a manager keeps in
 * memory is a cache of this, so several managers may share a store.
 */
export interface SessionStore {
  /** The record of this id, or `null` where no such session is open. */
  get(id: string): Promise<SessionRecord | null>;
  /**
   * Add a record, unless there is one with its id already. In one step, also among processes.
   * @returns the record that stands there now: the one given, or the earlier one
   */
  putIfAbsent(record: SessionRecord): Promise<SessionRecord>;
  /** `false` where there was none. */
  delete(id: string): Promise<boolean>;
}

/** Open sessions in the memory of this process; they are forgotten with it. */
export class MemorySessionStore implements SessionStore {
  readonly #records = new Map<string, SessionRecord>();

  async get(id: string): Promise<SessionRecord | null> {
    return this.#records.get(id) ?? null;
  }

  async putIfAbsent(record: SessionRecord): Promise<SessionRecord> {
    const earlier = this.#records.get(record.id);
    if (earlier) return earlier;
    this.#records.set(record.id, record);
    return record;
  }

  async delete(id: string): Promise<boolean> {
    return this.#records.delete(id);
  }
}
