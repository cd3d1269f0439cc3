import { SandboxError } from "./sandbox-error.ts";

/** How long to wait before trying again what was ended because it took too much memory. */
const RETRY_AFTER_MS = 1000;

export interface MemoryBudgetOptions {
  /** The subject of a sentence about who has the memory: "The sandbox", "The user". */
  name: string;
  /** Most bytes that all accounts below it may hold together. */
  limitBytes: number;
  /** The option that sets the limit, which the error names for whoever can raise it. @default none */
  setting?: string;
  /** The budget that this one is a part of. @default none */
  parent?: MemoryBudget;
}

/**
 * Bounds what a process keeps in memory for others: for a sandbox, its user, and all of them. It
 * counts what things cost, overhead included, and not only their bytes: a million chunks of one byte
 * are a million objects.
 *
 * If an addition exceeds a limit, the largest holder within that budget is ended, and everybody else
 * goes on: first the largest part, then the largest account in that part. That is often, but not
 * always, the account that asked.
 */
export class MemoryBudget implements Holder {
  readonly name: string;
  readonly limitBytes: number;
  readonly #setting: string | undefined;
  /** This one, and those above it. */
  readonly #budgets: readonly MemoryBudget[];
  /** Parts and accounts that hold something now. */
  readonly #holders = new Set<Holder>();
  #usedBytes = 0;

  constructor({ name, limitBytes, setting, parent }: MemoryBudgetOptions) {
    this.name = name;
    this.limitBytes = limitBytes;
    this.#setting = setting;
    this.#budgets = parent === undefined ? [this] : [this, ...parent.#budgets];
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Opens the account of one piece of work: a call, an answer, a stream.
   * @param end called at most once, if the account must go: it stops the work with this error
   */
  open(end: (error: SandboxError) => void): MemoryAccount {
    return new Account(end, (account, bytes) => this.#add(account, bytes));
  }

  /** Adds to this budget and those above it; the counts hold even if the account is ended by it. */
  #add(account: Account, bytes: number): void {
    let holder: Holder = account;
    for (const budget of this.#budgets) {
      budget.#usedBytes += bytes;
      if (holder.usedBytes > 0) budget.#holders.add(holder);
      else budget.#holders.delete(holder);
      holder = budget;
    }
    if (bytes > 0) for (const budget of this.#budgets) budget.#endLargestUntilItFits();
  }

  #endLargestUntilItFits(): void {
    while (this.#usedBytes > this.limitBytes) {
      const largest = this.largestAccount();
      if (largest === null) return;
      largest.end(this.#exceeded());
    }
  }

  /** @internal */
  largestAccount(): Account | null {
    let largest: Holder | null = null;
    for (const holder of this.#holders) {
      if (largest === null || holder.usedBytes > largest.usedBytes) largest = holder;
    }
    return largest?.largestAccount() ?? null;
  }

  #exceeded(): SandboxError {
    const mebibytes = Math.floor(this.limitBytes / 1024 ** 2);
    const setting = this.#setting;
    const raise = setting === undefined ? "" : ` The operator of the server can raise ${setting}.`;
    return new SandboxError({
      code: "capacity",
      message: `${this.name} takes more than ${mebibytes} MiB of the server's memory, and this took the largest part of it. Ask for less at a time, or try again later.${raise}`,
      retryAfterMs: RETRY_AFTER_MS,
      ...(setting !== undefined && { setting }),
    });
  }
}

/** What one piece of work holds of a {@link MemoryBudget}. */
export interface MemoryAccount extends Disposable {
  readonly usedBytes: number;
  /**
   * Counts that many bytes more, or fewer if negative.
   * @returns `false` if the account has ended: its work stops, and drops what it holds
   */
  add(bytes: number): boolean;
  /** Gives everything back. Nothing is counted after that. */
  [Symbol.dispose](): void;
}

/** A part of a budget, or an account in it. */
interface Holder {
  readonly usedBytes: number;
  largestAccount(): Account | null;
}

class Account implements MemoryAccount, Holder {
  readonly #end: (error: SandboxError) => void;
  readonly #count: (account: Account, bytes: number) => void;
  #usedBytes = 0;
  #isOver = false;

  constructor(
    end: (error: SandboxError) => void,
    count: (account: Account, bytes: number) => void,
  ) {
    this.#end = end;
    this.#count = count;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  add(bytes: number): boolean {
    if (this.#isOver) return false;
    this.#usedBytes += bytes;
    this.#count(this, bytes);
    return !this.#isOver;
  }

  end(error: SandboxError): void {
    this[Symbol.dispose]();
    this.#end(error);
  }

  largestAccount(): Account {
    return this;
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const held = this.#usedBytes;
    this.#usedBytes = 0;
    this.#count(this, -held);
  }
}
