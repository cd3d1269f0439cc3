import { requireWholeNumber } from "@carrel/backend-protocol";
import type { SandboxStatus } from "@carrel/backend-protocol";
import { MemoryResidencies } from "./memory-residencies.ts";
import { MAX_PRUNED_EVENTS } from "./session-store.ts";
import type {
  AcquireOutcome,
  LoggedEvent,
  NewSession,
  OpenCeilings,
  OpenOutcome,
  ResidentCeilings,
  RoomRequest,
  SessionRecord,
  SessionStore,
  WorkspaceRecord,
} from "./session-store.ts";

/** Of the log only so many of the latest events are kept. */
export const MAX_EVENTS_IN_MEMORY = 10_000;

export interface MemorySessionStoreOptions {
  /** The time in milliseconds since 1970, of which all others are taken. @default Date.now */
  now?: () => number;
}

/** Sessions in the memory of this process; they are forgotten with it. Its managers may share it. */
export class MemorySessionStore implements SessionStore {
  readonly #now: () => number;
  readonly #sessions = new Map<string, SessionRecord>();
  readonly #workspaces = new Map<string, WorkspaceRecord>();
  readonly #residencies: MemoryResidencies;
  #events: LoggedEvent[] = [];
  #lastSequence = 0;

  constructor({ now = Date.now }: MemorySessionStoreOptions = {}) {
    this.#now = now;
    this.#residencies = new MemoryResidencies(now);
  }

  async get(id: string): Promise<SessionRecord | null> {
    return this.#sessions.get(id) ?? null;
  }

  async open(
    { id, key, userId, scope }: NewSession,
    { maxOpenSessions, maxOpenSessionsPerUser }: OpenCeilings,
  ): Promise<OpenOutcome> {
    const found = this.#sessions.get(id);
    if (found) return { outcome: "found", record: found };
    if (this.#count(userId) >= maxOpenSessionsPerUser) {
      return { outcome: "full", ceiling: "maxOpenSessionsPerUser" };
    }
    if (this.#count() >= maxOpenSessions) return { outcome: "full", ceiling: "maxOpenSessions" };
    const createdAt = this.#time();
    const record: SessionRecord = {
      id,
      key,
      userId,
      scope,
      state: "opening",
      createdAt,
      lastUsedAt: createdAt,
    };
    this.#sessions.set(id, record);
    return { outcome: "opened", record };
  }

  async establish(id: string): Promise<boolean> {
    const record = this.#sessions.get(id);
    if (record) this.#sessions.set(id, { ...record, state: "open" });
    return record !== undefined;
  }

  async close(id: string): Promise<boolean> {
    return this.#sessions.delete(id);
  }

  async list({
    userId,
    key,
    after,
    limit,
  }: Parameters<SessionStore["list"]>[0]): Promise<SessionRecord[]> {
    requireLimit(limit);
    return [...this.#sessions.values()]
      .filter((each) => userId === undefined || each.userId === userId)
      .filter((each) => key === undefined || each.key === key)
      .filter((each) => after === undefined || compareBytes(each.id, after) > 0)
      .toSorted((one, other) => compareBytes(one.id, other.id))
      .slice(0, limit);
  }

  async count(userId?: string | null): Promise<number> {
    return this.#count(userId);
  }

  async touch(uses: readonly { sessionId: string; agoMs: number }[]): Promise<void> {
    for (const { sessionId, agoMs } of uses) {
      const record = this.#sessions.get(sessionId);
      if (!record) continue;
      const toldAt = this.#time(agoMs);
      const usedAt = toldAt > record.createdAt ? toldAt : oneMillisecondAfter(record.createdAt);
      this.#sessions.set(sessionId, usedSince(record, usedAt));
      const workspace = this.#workspaces.get(record.key);
      if (workspace) this.#workspaces.set(record.key, usedSince(workspace, usedAt));
    }
  }

  async beat(holder: string, ttlMs: number): Promise<boolean> {
    return this.#residencies.beat(holder, ttlMs);
  }

  async retire(holder: string): Promise<void> {
    this.#residencies.retire(holder);
  }

  async retireOthers(holder: string): Promise<void> {
    this.#residencies.retireOthers(holder);
  }

  async acquire(
    residency: { key: string; userId: string | null; holder: string },
    ceilings: ResidentCeilings,
  ): Promise<AcquireOutcome> {
    const outcome = this.#residencies.acquire(residency, ceilings);
    if (outcome.outcome === "acquired") {
      const workspace = this.#workspaceOf(residency.key, residency.userId);
      this.#workspaces.set(residency.key, usedSince(workspace, this.#time()));
    }
    return outcome;
  }

  async requestRoom(request: RoomRequest & { holder: string }): Promise<boolean> {
    return this.#residencies.requestRoom(request);
  }

  async takeRoomRequest(holder: string): Promise<RoomRequest | null> {
    return this.#residencies.takeRoomRequest(holder);
  }

  async endRoomRequest(
    key: string,
    { giveBack = false }: { giveBack?: boolean } = {},
  ): Promise<void> {
    this.#residencies.endRoomRequest(key, giveBack);
  }

  async beginChange(key: string, holder: string): Promise<boolean> {
    return this.#residencies.beginChange(key, holder);
  }

  async endChange({
    key,
    holder,
    keep,
    status,
  }: Parameters<SessionStore["endChange"]>[0]): Promise<void> {
    this.#residencies.endChange(key, holder, keep);
    const workspace = this.#workspaces.get(key);
    if (workspace && status !== null) this.#workspaces.set(key, { ...workspace, status });
  }

  async release(key: string, holder: string): Promise<void> {
    this.#residencies.release(key, holder);
  }

  async record(
    key: string,
    { status, sandboxId }: { status: SandboxStatus; sandboxId: string | null },
  ): Promise<void> {
    this.#workspaces.set(key, { ...this.#workspaceOf(key, null), status, sandboxId });
  }

  async workspace(key: string): Promise<WorkspaceRecord | null> {
    return this.#workspaces.get(key) ?? null;
  }

  async unusedWorkspaces({
    unusedForMs,
    status,
    limit,
  }: Parameters<SessionStore["unusedWorkspaces"]>[0]): Promise<WorkspaceRecord[]> {
    requireLimit(limit);
    const usedBefore = this.#time(unusedForMs);
    return [...this.#workspaces.values()]
      .filter((each) => each.lastUsedAt <= usedBefore)
      .filter((each) => status === undefined || each.status === status)
      .filter(({ key }) => !this.#isInUse(key))
      .toSorted(
        (one, other) =>
          compareBytes(one.lastUsedAt, other.lastUsedAt) || compareBytes(one.key, other.key),
      )
      .slice(0, limit);
  }

  async forgetWorkspace(key: string): Promise<boolean> {
    return !this.#isInUse(key) && this.#workspaces.delete(key);
  }

  async log(events: readonly Omit<LoggedEvent, "sequence" | "at">[]): Promise<void> {
    const at = this.#time();
    for (const { type, sessionId, key, detail } of events) {
      const sequence = ++this.#lastSequence;
      this.#events.push({ sequence, at, type, sessionId, key, detail: structuredClone(detail) });
    }
    this.#events.splice(0, this.#events.length - MAX_EVENTS_IN_MEMORY);
  }

  async events({
    sessionId,
    key,
    after = 0,
    limit,
  }: Parameters<SessionStore["events"]>[0]): Promise<LoggedEvent[]> {
    requireLimit(limit);
    return this.#events
      .filter((each) => each.sequence > after)
      .filter((each) => sessionId === undefined || each.sessionId === sessionId)
      .filter((each) => key === undefined || each.key === key)
      .slice(0, limit);
  }

  async pruneEvents(olderThanMs: number, keep: number = Number.POSITIVE_INFINITY): Promise<number> {
    const loggedBefore = this.#time(olderThanMs);
    const lastToGo = this.#lastSequence - keep;
    return this.#deleteEvents(({ at, sequence }) => at < loggedBefore || sequence <= lastToGo);
  }

  async forgetEvents(key: string): Promise<number> {
    return this.#deleteEvents((each) => each.key === key);
  }

  /** There is nothing to give back: what is in memory goes with the last reference to it. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #deleteEvents(isMeant: (event: LoggedEvent) => boolean): number {
    const deleted = new Set(this.#events.filter(isMeant).slice(0, MAX_PRUNED_EVENTS));
    this.#events = this.#events.filter((each) => !deleted.has(each));
    return deleted.size;
  }

  #time(agoMs = 0): string {
    return new Date(Math.max(0, this.#now() - agoMs)).toISOString();
  }

  #count(userId?: string | null): number {
    if (userId === undefined) return this.#sessions.size;
    return [...this.#sessions.values()].filter((each) => each.userId === userId).length;
  }

  #isInUse(key: string): boolean {
    return (
      this.#residencies.isHeld(key) ||
      [...this.#sessions.values()].some((session) => session.key === key)
    );
  }

  #workspaceOf(key: string, userId: string | null): WorkspaceRecord {
    const known = this.#workspaces.get(key);
    if (known) return { ...known, userId: known.userId ?? userId };
    const createdAt = this.#time();
    return { key, userId, status: null, sandboxId: null, createdAt, lastUsedAt: createdAt };
  }
}

function usedSince<Used extends { lastUsedAt: string }>(record: Used, usedAt: string): Used {
  return record.lastUsedAt < usedAt ? { ...record, lastUsedAt: usedAt } : record;
}

function oneMillisecondAfter(time: string): string {
  return new Date(Date.parse(time) + 1).toISOString();
}

function requireLimit(limit: number): void {
  requireWholeNumber("limit", limit, { minimum: 1, maximum: 1000 });
}

/** The order that databases have; strings of JavaScript compare by UTF-16 units. */
function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
