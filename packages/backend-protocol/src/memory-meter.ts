import type { MemoryAccount, MemoryBudget } from "./memory-budget.ts";
import type { SandboxError } from "./sandbox-error.ts";

/**
 * What is less than this is not told to the budget. Most work holds less, and costs the budget nothing;
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
  readonly #account: MemoryAccount | null;
  readonly #onEnd: (error: SandboxError) => void;
  #bytes = 0;
  #toldBytes = 0;
  #failure: SandboxError | null = null;

  /**
   * @param budget where it counts; `null`: nowhere
   * @param onEnd called at most once, if the budget ends the work: it stops, and drops what it holds
   */
  constructor(budget: MemoryBudget | null, onEnd: (error: SandboxError) => void = () => undefined) {
    this.#onEnd = onEnd;
    const self = new WeakRef(this);
    const end = (error: SandboxError): void => {
      const meter = self.deref();
      if (meter) meter.#end(error);
    };
    this.#account = budget?.open(end) ?? null;
    if (this.#account) forgotten.register(this, this.#account);
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
      if (added !== 0) this.#account?.add(added);
    }
    return this.#failure === null;
  }

  /** Counts that it holds so many bytes now. */
  set(bytes: number): boolean {
    return this.change(bytes - this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#account?.[Symbol.dispose]();
  }

  #isSmallAgain(): boolean {
    return this.#bytes < STEP_BYTES && this.#toldBytes > 0;
  }

  #end(error: SandboxError): void {
    this.#failure = error;
    this.#onEnd(error);
  }
}
