import { SandboxError } from "@carrel/backend-protocol";
import { ROOM_REQUEST_TTL_MS, shareOf } from "./session-store.ts";
import type { AcquireOutcome, ResidentCeilings, RoomRequest } from "./session-store.ts";

interface Holder {
  beatAt: number;
  expiresAt: number;
}

interface StandingRequest extends RoomRequest {
  holder: string;
  askedAt: number;
  takenBy: string | null;
}

/** Who holds which sandbox in memory: the holders of a store, their residencies and changes. */
export class MemoryResidencies {
  readonly #now: () => number;
  readonly #holders = new Map<string, Holder>();
  /** By key, then by holder; the value is whose key it is. */
  readonly #residencies = new Map<string, Map<string, string | null>>();
  /** Which holder is changing a key. */
  readonly #changes = new Map<string, string>();
  /** By key. */
  readonly #requests = new Map<string, StandingRequest>();

  constructor(now: () => number) {
    this.#now = now;
  }

  beat(holder: string, ttlMs: number): boolean {
    this.#buryTheDead();
    const lived = this.#holders.has(holder);
    const beatAt = this.#now();
    this.#holders.set(holder, { beatAt, expiresAt: beatAt + ttlMs });
    return lived;
  }

  retire(holder: string): void {
    this.#holders.delete(holder);
    for (const key of this.#residencies.keys()) this.release(key, holder);
    for (const [key, changing] of this.#changes) if (changing === holder) this.#changes.delete(key);
    for (const [key, asked] of this.#requests) {
      if (asked.holder === holder) this.#requests.delete(key);
      else if (asked.takenBy === holder) asked.takenBy = null;
    }
  }

  retireOthers(holder: string): void {
    for (const other of this.#holders.keys()) if (other !== holder) this.retire(other);
  }

  acquire(
    { key, userId, holder }: { key: string; userId: string | null; holder: string },
    ceilings: ResidentCeilings,
  ): AcquireOutcome {
    this.#requireLiving(holder);
    if ((this.#changes.get(key) ?? holder) !== holder) return { outcome: "changing" };
    const holders = this.#residencies.get(key);
    if (!holders) {
      const ceiling = this.#fullCeiling(userId, ceilings);
      if (ceiling) return { outcome: "full", ceiling };
      this.#residencies.set(key, new Map([[holder, userId]]));
      return { outcome: "acquired", shared: false };
    }
    if (!holders.has(holder)) holders.set(holder, userId);
    return { outcome: "acquired", shared: holders.size > 1 };
  }

  requestRoom({ key, ofUser, holder }: RoomRequest & { holder: string }): boolean {
    this.#requireLiving(holder);
    this.#forgetOldRequests();
    const others = [...this.#holders.keys()].filter((each) => each !== holder);
    if (!others.some((other) => this.#couldMakeRoom(other, ofUser))) return false;
    const takenBy = this.#requests.get(key)?.takenBy ?? null;
    this.#requests.set(key, { key, ofUser, holder, askedAt: this.#now(), takenBy });
    return true;
  }

  takeRoomRequest(holder: string): RoomRequest | null {
    this.#buryTheDead();
    this.#forgetOldRequests();
    const [next] = [...this.#requests.values()]
      .filter(({ takenBy }) => takenBy === null)
      .filter((asked) => asked.holder !== holder && !this.#residencies.has(asked.key))
      .filter(({ ofUser }) => this.#couldMakeRoom(holder, ofUser))
      .toSorted(
        (one, other) =>
          Number(one.ofUser !== null) - Number(other.ofUser !== null) ||
          one.askedAt - other.askedAt,
      );
    if (!next) return null;
    next.takenBy = holder;
    return { key: next.key, ofUser: next.ofUser };
  }

  endRoomRequest(key: string, giveBack: boolean): void {
    const asked = this.#requests.get(key);
    if (asked && giveBack) asked.takenBy = null;
    else this.#requests.delete(key);
  }

  beginChange(key: string, holder: string): boolean {
    this.#requireLiving(holder);
    if ((this.#changes.get(key) ?? holder) !== holder) return false;
    const holders = [...(this.#residencies.get(key)?.keys() ?? [])];
    if (holders.some((each) => each !== holder)) return false;
    this.#changes.set(key, holder);
    return true;
  }

  endChange(key: string, holder: string, keep: boolean): void {
    if (this.#changes.get(key) === holder) this.#changes.delete(key);
    if (!keep) this.release(key, holder);
  }

  release(key: string, holder: string): void {
    const holders = this.#residencies.get(key);
    holders?.delete(holder);
    if (holders?.size === 0) this.#residencies.delete(key);
  }

  isHeld(key: string): boolean {
    this.#buryTheDead();
    return this.#residencies.has(key);
  }

  #fullCeiling(
    userId: string | null,
    { maxResidentSandboxes, maxResidentSandboxesPerUser }: ResidentCeilings,
  ): keyof ResidentCeilings | null {
    const owners = [...this.#residencies.values()].map((holders) => new Set(holders.values()));
    const ofUser = owners.filter((each) => each.has(userId)).length;
    if (ofUser >= maxResidentSandboxesPerUser) return "maxResidentSandboxesPerUser";
    return owners.length >= maxResidentSandboxes ? "maxResidentSandboxes" : null;
  }

  #couldMakeRoom(holder: string, ofUser: string | null): boolean {
    return [...this.#residencies.values()].some((holders) => {
      const userId = holders.get(holder);
      return userId !== undefined && (ofUser === null || shareOf(userId) === ofUser);
    });
  }

  #forgetOldRequests(): void {
    const expired = this.#now() - ROOM_REQUEST_TTL_MS;
    for (const [key, { askedAt }] of this.#requests) {
      if (askedAt <= expired) this.#requests.delete(key);
    }
  }

  #requireLiving(holder: string): void {
    this.#buryTheDead();
    if (this.#holders.has(holder)) return;
    throw new SandboxError({
      code: "unavailable",
      message: `The holder ${JSON.stringify(holder)} does not live: it has to beat first.`,
      retryAfterMs: 0,
    });
  }

  #buryTheDead(): void {
    const now = this.#now();
    for (const [id, { beatAt, expiresAt }] of this.#holders) {
      if (expiresAt <= now) this.retire(id);
      // It beat before the clock was set back. Nobody knows how long ago: it gets its time once more.
      else if (beatAt > now)
        this.#holders.set(id, { beatAt: now, expiresAt: now + expiresAt - beatAt });
    }
  }
}
