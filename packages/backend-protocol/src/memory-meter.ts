import type { MemoryAccount, MemoryBudget } from "./memory-budget.ts";
import type { SandboxError } from "./sandbox-error.ts";

/**
 * Less than this is not told to the budget. Most work holds less, and costs the budget nothing;
 * a thousand pieces of work go uncounted with 16 MiB at most.
 */
const STEP_BYTES = 16 * 1024;

/** Gives the account back of a meter that nobody holds any more. */
const forgotten = new FinalizationRegistry<MemoryAccount>((account) => account[Symbol.dispose]());

/**
 * Counts what one piece of work holds, and tells it to a budget in steps. The budget does not keep the
 * work in memory: what is forgotten with its meter is given back once it was collected.
 */
export class MemoryMeter implements Disposable {
  /** The budget that it tells; `null`: none, or none any more. */
  #budget: MemoryBudget | null;
  /** Opened when there is something to tell: for most work there never is. */
  #account: MemoryAccount | null = null;
  readonly #onEnd: (error: SandboxError) => void;
  #bytes = 0;
  #toldBytes = 0;
  #failure: SandboxError | null = null;

  /**
   * @param budget is told what the work holds; `null`: none is
   * @param onEnd called at most once, if the budget ends the work: it stops, and drops what it holds
   */
  constructor(budget: MemoryBudget | null, onEnd: (error: SandboxError) => void = () => undefined) {
    this.#budget = budget;
    this.#onEnd = onEnd;
  }

  /** Why the budget ended the work; `null` while it goes on. */
  get failure(): SandboxError | null {
    return this.#failure;
  }

  /**
   * Counts that many bytes more, or fewer if negative.
   * @returns `false` if the work was ended by its budget
   */
  change(bytes: number): boolean {
    this.#bytes += bytes;
    const difference = this.#bytes - this.#toldBytes;
    if (difference >= STEP_BYTES || difference <= -2 * STEP_BYTES || this.#isSmallAgain()) {
      const told = this.#bytes - (this.#bytes % STEP_BYTES);
      const added = told - this.#toldBytes;
      this.#toldBytes = told;
      if (added !== 0 && this.#budget) this.#open(this.#budget).add(added);
    }
    return this.#failure === null;
  }

  /** Counts that it holds so many bytes now. */
  set(bytes: number): boolean {
    return this.change(bytes - this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#budget = null;
    this.#account?.[Symbol.dispose]();
  }

  #open(budget: MemoryBudget): MemoryAccount {
    if (this.#account) return this.#account;
    const self = new WeakRef(this);
    this.#account = budget.open((error) => {
      const meter = self.deref();
      if (meter) meter.#end(error);
    });
    forgotten.register(this, this.#account);
    return this.#account;
  }

  #isSmallAgain(): boolean {
    return this.#bytes < STEP_BYTES && this.#toldBytes > 0;
  }

  #end(error: SandboxError): void {
    this.#budget = null;
    this.#failure = error;
    this.#onEnd(error);
  }
}
