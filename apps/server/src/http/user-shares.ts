import { LoopShare, MemoryBudget, SandboxError } from "@carrel/backend-protocol";
import type { ShareLimits } from "./http-limits.ts";

export type ShareKind = keyof ShareLimits;

/** How long a user should wait whose share is taken. */
const RETRY_AFTER_MS = 1000;

const WORDS = {
  requests: { noun: "requests under way", setting: "CARREL_MAX_REQUESTS_PER_USER" },
  streams: { noun: "event streams open", setting: "CARREL_MAX_STREAMS_PER_USER" },
  transfers: { noun: "uploads and downloads under way", setting: "CARREL_MAX_TRANSFERS_PER_USER" },
  turns: { noun: "turns of chat running", setting: "CARREL_MAX_TURNS_PER_USER" },
} as const satisfies Record<ShareKind, { noun: string; setting: string }>;

/**
 * The owner of a share: a user, all callers without a user id together (`null`), or all clients that name a
 * session which does not exist (`unknown`). The last are apart so that they take nothing from the second.
 */
export type ShareOwner = { userId: string | null } | "unknown";

/** What one owner has at the moment. */
export interface Share extends Disposable {
  readonly memory: MemoryBudget;
  /** The event loop's time for what the owner's requests are answered with. */
  readonly loop: LoopShare;
  /**
   * Takes one more of a kind, until the result is disposed of.
   * @throws `capacity` if the owner has as many as one may
   */
  take(kind: ShareKind): Disposable;
}

interface OwnerEntry {
  readonly counts: ShareLimits;
  readonly loop: LoopShare;
  holders: number;
}

export interface UserSharesOptions {
  perUser: ShareLimits;
  /** What the server keeps in memory for all users. */
  memory: MemoryBudget;
  /** Returns the part of it that a user has, or all callers without a user id (`null`) together. */
  memoryOf: (userId: string | null) => MemoryBudget;
}

/** Counts what each user takes of the server, and refuses what is more than their share. */
export class UserShares {
  /** The memory of all owners together. */
  readonly memory: MemoryBudget;
  readonly #memoryOf: (userId: string | null) => MemoryBudget;
  readonly #memoryOfUnknown: MemoryBudget;
  readonly #limits: ShareLimits;
  // Has only owners that have something now.
  readonly #owners = new Map<string, OwnerEntry>();

  constructor({ perUser, memory, memoryOf }: UserSharesOptions) {
    this.#limits = perUser;
    this.memory = memory;
    this.#memoryOf = memoryOf;
    this.#memoryOfUnknown = new MemoryBudget({
      name: "Requests for sessions that do not exist",
      // As much as one user has.
      limitBytes: memoryOf(null).limitBytes,
      setting: "CARREL_MEMORY_PER_USER_MB",
      parent: memory,
    });
  }

  /** How many owners have something now. */
  get ownerCount(): number {
    return this.#owners.size;
  }

  /** Opens the share of an owner, which is remembered until it and all that was taken is disposed of. */
  open(owner: ShareOwner): Share {
    const { entry, release } = this.#hold(owner);
    return {
      memory: owner === "unknown" ? this.#memoryOfUnknown : this.#memoryOf(owner.userId),
      loop: entry.loop,
      take: (kind) => this.#take(owner, kind),
      [Symbol.dispose]: release,
    };
  }

  #take(owner: ShareOwner, kind: ShareKind): Disposable {
    const { entry, release } = this.#hold(owner);
    if (entry.counts[kind] >= this.#limits[kind]) {
      release();
      throw shareIsTaken(owner, kind, this.#limits[kind]);
    }
    entry.counts[kind] += 1;
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
        entry.counts[kind] -= 1;
        release();
      },
    };
  }

  #hold(owner: ShareOwner): { entry: OwnerEntry; release: () => void } {
    const name = nameOf(owner);
    const entry = this.#owners.get(name) ?? this.#add(name);
    entry.holders += 1;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      entry.holders -= 1;
      if (entry.holders === 0) this.#owners.delete(name);
    };
    return { entry, release };
  }

  #add(name: string): OwnerEntry {
    const entry = {
      counts: { requests: 0, streams: 0, transfers: 0, turns: 0 },
      loop: new LoopShare(),
      holders: 0,
    };
    this.#owners.set(name, entry);
    return entry;
  }
}

function nameOf(owner: ShareOwner): string {
  if (owner === "unknown") return "unknown";
  return owner.userId === null ? "no user" : `user:${owner.userId}`;
}

/** The beginning of a sentence about an owner. */
function subjectOf(owner: ShareOwner): string {
  if (owner === "unknown") return "Clients that name sessions which do not exist have";
  if (owner.userId !== null) return "This user has";
  return "Callers without a user id, who count as one user, have";
}

function shareIsTaken(owner: ShareOwner, kind: ShareKind, limit: number): SandboxError {
  const { noun, setting } = WORDS[kind];
  return new SandboxError({
    code: "capacity",
    message: `${subjectOf(owner)} as many ${noun} as one user may have at a time (${limit}). Wait until one has ended and try again; the operator of the server can raise ${setting}.`,
    retryAfterMs: RETRY_AFTER_MS,
  });
}
