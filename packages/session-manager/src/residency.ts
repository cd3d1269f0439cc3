import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxStatus } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import type { Holder } from "./holder.ts";
import { mapBounded } from "./map-bounded.ts";
import { pause } from "./pause.ts";
import type {
  AcquireOutcome,
  ResidentCeilings,
  RoomRequest,
  SessionStore,
} from "./session-store.ts";

/** Longest time that one question to the store may take where nobody's deadline is shorter. */
const STORE_TIMEOUT_MS = 10_000;

// While another manager puts a sandbox to sleep it is asked again after 20, 40, … 500 ms.
const FIRST_DELAY_MS = 20;
const MAX_DELAY_MS = 500;

/** Residencies that are renewed at a time. */
const RENEWALS_AT_ONCE = 8;

const NO_CEILINGS: ResidentCeilings = {
  maxResidentSandboxes: Number.POSITIVE_INFINITY,
  maxResidentSandboxesPerUser: Number.POSITIVE_INFINITY,
};

export interface ResidenciesOptions {
  store: SessionStore;
  holder: Holder;
  ceilings: ResidentCeilings;
  /** Told of what could not be written down now; it is tried again. */
  onFailure: (error: unknown) => void;
}

export interface Change {
  /** @returns what became of the sandbox; `null`: it is as it was */
  work: () => Promise<SandboxStatus | null>;
  /** Asked afterwards, also where it failed: whether the sandbox is still in memory. */
  keeps: () => boolean;
}

/** A residency that was taken over. */
export interface Adoption {
  /** The ceiling above which it is. */
  exceeds: keyof ResidentCeilings | null;
}

/** A residency as it was acquired. */
interface Held {
  userId: string | null;
  /** Of the holder, in which it was. */
  epoch: number;
}

interface Answered<T> {
  answer: T;
  /** Of the holder, when it asked. */
  epoch: number;
}

/** The end of a change, as it is to be written. */
interface ChangeEnd {
  status: SandboxStatus | null;
  keep: boolean;
}

/**
 * The residencies of this manager: its word in the store that a key's sandbox is in memory and used
 * through it. Everything here but {@link Residencies.holds} and {@link Residencies.renewSoon} needs the
 * key's lock, so that what is written about one key is written in order.
 */
export class Residencies {
  readonly #options: ResidenciesOptions;
  readonly #held = new Map<string, Held>();
  /** Keys of which the store may have noted a residency that this manager does not know to have. */
  readonly #doubtful = new Set<string>();
  /** Ends of changes that are still to be written: until then others wait. */
  readonly #unwritten = new Map<string, ChangeEnd>();
  readonly #recording = new Map<string, Promise<void>>();
  /** Epoch of the holder in which all that was held before is counted again. */
  #renewedEpoch = 0;
  #renewal: Promise<void> | null = null;

  constructor(options: ResidenciesOptions) {
    this.#options = options;
  }

  /** Whether this manager has the residency of a key, as far as it can know without asking. */
  holds(key: string): boolean {
    const { holder } = this.#options;
    return this.#held.get(key)?.epoch === holder.epoch && holder.alive;
  }

  /** Whether this manager thinks to have the residency of a key, or had it before it was given up by the store. */
  claims(key: string): boolean {
    return this.#held.has(key);
  }

  /** Keys about which something is still to be written. */
  get unsettled(): string[] {
    return [...new Set([...this.#unwritten.keys(), ...this.#doubtful])];
  }

  /**
   * Have the residency of a key, waiting while another manager changes its sandbox.
   * @returns the ceiling that is reached, or `null`: it is held
   */
  async acquire(
    key: string,
    userId: string | null,
    deadline: Deadline,
  ): Promise<keyof ResidentCeilings | null> {
    const { ceilings } = this.#options;
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
      const answer = await this.#ask(key, userId, ceilings, deadline);
      if (answer.outcome === "acquired") return null;
      if (answer.outcome === "full") return answer.ceiling;
      await pause(deadline, delayMs);
    }
  }

  /**
   * Have the residency of a sandbox that is in memory already, whatever the ceilings.
   * @returns `null` where another manager looks after it
   */
  async adopt(key: string, userId: string | null, deadline: Deadline): Promise<Adoption | null> {
    const { ceilings } = this.#options;
    let answer = await this.#ask(key, userId, ceilings, deadline);
    const exceeds = answer.outcome === "full" ? answer.ceiling : null;
    if (exceeds) answer = await this.#ask(key, userId, NO_CEILINGS, deadline);
    if (answer.outcome !== "acquired") return null;
    if (!answer.shared) return { exceeds };
    await this.release(key);
    return null;
  }

  /** Ask the other managers for room. @returns `false` where none of them has a sandbox that could make any */
  async requestRoom(request: RoomRequest, deadline: Deadline): Promise<boolean> {
    const { holder } = this.#options;
    const { answer } = await this.#whileAlive(request.key, deadline, (store) =>
      store.requestRoom({ ...request, holder: holder.id }),
    );
    return answer;
  }

  /** Have counted what the store gave up, before somebody needs that. Never throws: who needs it tries again. */
  async renewSoon(): Promise<void> {
    try {
      using deadline = storeDeadline();
      await this.#renewed(deadline);
    } catch (error) {
      this.#options.onFailure(error);
    }
  }

  /**
   * Do something that takes the sandbox away, with all others kept out of it.
   * @returns `false`, and nothing was done, where another manager uses it
   */
  async change(key: string, deadline: Deadline, { work, keeps }: Change): Promise<boolean> {
    await this.#recording.get(key);
    const { holder } = this.#options;
    const { answer: granted } = await this.#whileAlive(key, deadline, (store) =>
      store.beginChange(key, holder.id),
    );
    if (!granted) return false;
    let status: SandboxStatus | null = null;
    try {
      status = await work();
    } finally {
      const keep = keeps();
      if (!keep) this.#held.delete(key);
      this.#unwritten.set(key, { status, keep });
      await this.#writeSoon(key);
    }
    return true;
  }

  /** Give the residency up; the sandbox is left as it is. */
  async release(key: string): Promise<void> {
    this.#held.delete(key);
    this.#doubtful.add(key);
    await this.#writeSoon(key);
  }

  /** Tell what became of a sandbox. Nobody waits for it; changes of the same key come after it. */
  record(key: string, status: SandboxStatus, sandboxId: string): void {
    const { store, onFailure } = this.#options;
    const work = withinStoreTime(() => store.record(key, { status, sandboxId }))
      .catch(onFailure)
      .finally(() => {
        if (this.#recording.get(key) === work) this.#recording.delete(key);
      });
    this.#recording.set(key, work);
  }

  /** Write what is still to be written about a key. @throws what the store throws */
  async settle(key: string, deadline: Deadline): Promise<void> {
    const { store, holder } = this.#options;
    const end = this.#unwritten.get(key);
    if (end) {
      await deadline.run(() => store.endChange({ key, holder: holder.id, ...end }));
      this.#unwritten.delete(key);
    }
    if (this.#doubtful.has(key)) {
      await deadline.run(() => store.release(key, holder.id));
      this.#doubtful.delete(key);
    }
  }

  /** Resolves when nothing is being recorded any more. */
  async recorded(): Promise<void> {
    await Promise.all(this.#recording.values());
  }

  async #ask(
    key: string,
    userId: string | null,
    ceilings: ResidentCeilings,
    deadline: Deadline,
  ): Promise<AcquireOutcome> {
    const { holder } = this.#options;
    const { answer, epoch } = await this.#whileAlive(key, deadline, async (store) => {
      const residency = { key, userId, holder: holder.id };
      // It is in memory: this is a renewal itself, and waits for no others.
      if (this.#held.has(key)) return store.acquire(residency, NO_CEILINGS);
      await this.#renewed(deadline);
      return store.acquire(residency, ceilings);
    });
    if (answer.outcome === "acquired") {
      this.#held.set(key, { userId, epoch });
      this.#doubtful.delete(key);
    }
    return answer;
  }

  /**
   * Resolves when all that this manager has in memory is counted, also where the store had given it up
   * in between: whoever came before that would be let in beyond the ceilings.
   */
  async #renewed(deadline: Deadline): Promise<void> {
    const { holder } = this.#options;
    while (this.#renewedEpoch !== holder.epoch) {
      this.#renewal ??= this.#renewAll(holder.epoch).finally(() => {
        this.#renewal = null;
      });
      const renewal = this.#renewal;
      await deadline.run(() => renewal);
    }
  }

  async #renewAll(epoch: number): Promise<void> {
    const lost = [...this.#held].filter(([, held]) => held.epoch !== epoch);
    using deadline = storeDeadline();
    await mapBounded(lost, RENEWALS_AT_ONCE, ([key, { userId }]) =>
      this.#renew(key, userId, deadline),
    );
    this.#renewedEpoch = epoch;
  }

  /**
   * Have it counted again, whatever the ceilings; what another manager is changing is left to it. Who
   * uses it next goes through a start all the same, and sees there what became of the sandbox.
   *
   * Needs no lock: what it writes holds, or is taken back where the residency was given up meanwhile.
   */
  async #renew(key: string, userId: string | null, deadline: Deadline): Promise<void> {
    const { store, holder } = this.#options;
    if (!this.#held.has(key)) return;
    // Otherwise it is not the store that gave it up, but another in its place: no records are left there.
    if (!(await deadline.run(() => store.workspace(key)))) return;
    const lookAgain = (): void => {
      if (!this.#held.has(key)) this.#doubtful.add(key);
    };
    try {
      const renewal = { key, userId, holder: holder.id };
      await deadline.run(() => store.acquire(renewal, NO_CEILINGS), lookAgain);
    } finally {
      lookAgain();
    }
  }

  async #writeSoon(key: string): Promise<void> {
    try {
      using deadline = storeDeadline();
      await this.settle(key, deadline);
    } catch (error) {
      this.#options.onFailure(error);
    }
  }

  /** Ask the store something that only a holder who lives may ask. */
  async #whileAlive<T>(
    key: string,
    deadline: Deadline,
    ask: (store: SessionStore) => Promise<T>,
  ): Promise<Answered<T>> {
    const { store, holder } = this.#options;
    await holder.ensureAlive(deadline);
    await this.settle(key, deadline);
    const askOnce = async (): Promise<Answered<T>> => {
      const { epoch } = holder;
      try {
        const answer = await deadline.run(
          () => ask(store),
          () => this.#doubt(key),
        );
        return { answer, epoch };
      } catch (error) {
        this.#doubt(key);
        throw error;
      }
    };
    try {
      return await askOnce();
    } catch (error) {
      // The store's clock may have run on while this process did not, with its machine suspended.
      if (!SandboxError.isInstance(error) || error.code !== "unavailable") throw error;
      await holder.revive(deadline);
      await this.settle(key, deadline);
      return await askOnce();
    }
  }

  /** The answer got lost: the store may have noted something that nobody here will end. */
  #doubt(key: string): void {
    if (!this.#held.has(key)) this.#doubtful.add(key);
    this.#unwritten.set(key, { keep: this.#held.has(key), status: null });
  }
}

/** A deadline for one question to the store. */
export function storeDeadline(): Deadline {
  return new Deadline({ timeoutMs: STORE_TIMEOUT_MS, failure: "The session store did not answer" });
}

export async function withinStoreTime<T>(ask: () => Promise<T>): Promise<T> {
  using deadline = storeDeadline();
  return await deadline.run(ask);
}
