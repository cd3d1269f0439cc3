import { getHeapStatistics } from "node:v8";
import { MemoryBudget } from "@carrel/backend-protocol";
import { NO_USER, shareOf } from "./session-store.ts";

/**
 * How much a process keeps in memory for all users by default: 512 MiB, which is room for the largest
 * answers of some dozen users, and on small machines a quarter of what the heap may have.
 */
export const DEFAULT_MEMORY_BYTES: number = Math.min(
  512 * 1024 ** 2,
  Math.floor(getHeapStatistics().heap_size_limit / 4),
);

/** One user has a quarter of it, so that three others have room while one takes all they can. */
const USER_PART = 4;

export interface UserBudgetsOptions {
  /** The budget of which those of users are parts. @default one of {@link DEFAULT_MEMORY_BYTES} */
  process?: MemoryBudget | undefined;
  /** @default a quarter of the process's */
  perUserBytes?: number | undefined;
}

/**
 * The budgets of users for what this process keeps in memory for them. A user has the same one as long as
 * a sandbox, an answer, or what these hold refers to it, and after that none. So users come and go without a
 * trace, and nobody has two.
 */
export class UserBudgets {
  readonly #process: MemoryBudget;
  readonly #perUserBytes: number;
  /** By share. */
  readonly #budgets = new Map<string, WeakRef<MemoryBudget>>();
  readonly #dropped = new FinalizationRegistry<string>((share) => {
    // Another one may have taken its place meanwhile.
    if (this.#budgets.get(share)?.deref() === undefined) this.#budgets.delete(share);
  });

  constructor({ process, perUserBytes }: UserBudgetsOptions = {}) {
    this.#process =
      process ??
      new MemoryBudget({
        name: "The server",
        limitBytes: DEFAULT_MEMORY_BYTES,
        setting: "memory",
      });
    this.#perUserBytes = perUserBytes ?? Math.floor(this.#process.limitBytes / USER_PART);
  }

  /** How many users have one now. */
  get size(): number {
    return this.#budgets.size;
  }

  /** @param userId `null`: callers without one, who share a budget */
  of(userId: string | null): MemoryBudget {
    const share = shareOf(userId);
    const known = this.#budgets.get(share)?.deref();
    if (known) return known;
    const budget = new MemoryBudget({
      name: share === NO_USER ? "All callers without a user id together" : "The user",
      limitBytes: this.#perUserBytes,
      setting: "memoryPerUserBytes",
      parent: this.#process,
    });
    this.#budgets.set(share, new WeakRef(budget));
    this.#dropped.register(budget, share);
    return budget;
  }
}
