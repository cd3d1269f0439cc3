import { MemoryBudget, SandboxError } from "@carrel/backend-protocol";
import type { ShareLimits } from "./http-limits.ts";

export type ShareKind = keyof ShareLimits;

/** Part of the memory that bodies of requests for no session may take: as much as one user's. */
const UNKNOWN_PART = 4;

/** How long a user should wait whose share is taken. */
const RETRY_AFTER_MS = 1000;

const WORDS = {
  requests: { noun: "requests under way", setting: "CARREL_MAX_REQUESTS_PER_USER" },
  streams: { noun: "event streams open", setting: "CARREL_MAX_STREAMS_PER_USER" },
  transfers: { noun: "uploads and downloads under way", setting: "CARREL_MAX_TRANSFERS_PER_USER" },
  turns: { noun: "turns of chat running", setting: "CARREL_MAX_TURNS_PER_USER" },
} as const satisfies Record<ShareKind, { noun: string; setting: string }>;

/**
 * Who has a share: a user, all callers without a user id together (`null`), or all who name a session
 * that does not exist (`unknown`). The last are apart so that they take nothing from the second.
 */
export type ShareOwner = { userId: string | null } | "unknown";

/** What one owner has at the moment. */
export interface Share extends Disposable {
  readonly memory: MemoryBudget;
  /**
   * Takes one more of a kind, until the result is disposed of.
   * @throws `capacity` if the owner has as many as one may
   */
  take(kind: ShareKind): Disposable;
}

interface OwnerCounts {
  counts: ShareLimits;
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
  // Only of owners who have something now.
  readonly #owners = new Map<string, OwnerCounts>();

  constructor({ perUser, memory, memoryOf }: UserSharesOptions) {
    this.#limits = perUser;
    this.memory = memory;
    this.#memoryOf = memoryOf;
    this.#memoryOfUnknown = new MemoryBudget({
      name: "Requests for sessions that do not exist",
      limitBytes: Math.ceil(memory.limitBytes / UNKNOWN_PART),
      parent: memory,
    });
  }

  /** Owners who have something now. */
  get ownerCount(): number {
    return this.#owners.size;
  }

  /** Opens the share of an owner, who is remembered until it and all that was taken is disposed of. */
  open(owner: ShareOwner): Share {
    const name = nameOf(owner);
    const held = this.#hold(name);
    return {
      memory: owner === "unknown" ? this.#memoryOfUnknown : this.#memoryOf(owner.userId),
      take: (kind) => this.#take(name, kind),
      [Symbol.dispose]: held.release,
    };
  }

  #take(name: string, kind: ShareKind): Disposable {
    const { entry, release } = this.#hold(name);
    if (entry.counts[kind] >= this.#limits[kind]) {
      release();
      throw shareIsTaken(kind, this.#limits[kind]);
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

  #hold(name: string): { entry: OwnerCounts; release: () => void } {
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

  #add(name: string): OwnerCounts {
    const entry = {
      counts: { requests: 0, streams: 0, transfers: 0, turns: 0 },
      holders: 0,
    };
    this.#owners.set(name, entry);
    return entry;
  }
}

function nameOf(owner: ShareOwner): string {
  if (owner === "unknown") return "unknown";
  return owner.userId === null ? "nobody" : `user:${owner.userId}`;
}

function shareIsTaken(kind: ShareKind, limit: number): SandboxError {
  const { noun, setting } = WORDS[kind];
  return new SandboxError({
    code: "capacity",
    message: `This user has ${limit} ${noun}, the most at a time. Wait until one has ended and try again; whoever runs the server can raise ${setting}.`,
    retryAfterMs: RETRY_AFTER_MS,
  });
}
