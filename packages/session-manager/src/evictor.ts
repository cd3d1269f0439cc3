import { setTimeout as delay } from "node:timers/promises";
import { Deadline } from "./deadline.ts";
import { FairQueue } from "./fair-queue.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import { shareOf } from "./session-store.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import type { Turns } from "./turns.ts";

/** Sandboxes that one who needs room looks at together: each look may have to wait for a second. */
const LOOKS_AT_ONCE = 16;
/** For so long they are waited for before the next ones are looked at too. */
const BATCH_MS = 2000;
/** Once one was found idle, those that were unused for longer have so much time to tell that they are. */
const GRACE_MS = 1000;
/** After so long no further ones are looked at: all seem to work, and that changes by itself. */
const SEARCH_MS = 3000;
/** One that does not tell within that time whether it works is passed over: more than all that a look waits for. */
const LOOK_MS = 6000;
/**
 * For so long a sandbox that was passed over does not come before those of users who have few. So a user with
 * many that work, or do not tell, does not take up the time for looking.
 */
const PASSED_OVER_MS = 30_000;
/** Sandboxes that are put to sleep at the same time for one user: each is work for the engine, as a start is. */
const EVICTIONS_FOR_USER = 2;

/**
 * Puts an idle sandbox to sleep if another one needs its place. Those of users who have more than their
 * fair part of what this manager has in memory come first, the largest holder's before all; otherwise
 * the one that was unused for longest.
 */
export class Evictor {
  readonly #context: LifecycleContext;
  readonly #stopper: SandboxStopper;
  readonly #turns: Turns;
  readonly #evictions = new FairQueue({
    maxAtOnce: Number.POSITIVE_INFINITY,
    maxAtOncePerUser: EVICTIONS_FOR_USER,
  });
  /** Looks under way, whether the sandbox is idle: all who need room at the same time share them. */
  readonly #looks = new Map<SandboxSlot, Promise<boolean>>();
  /** When the latest look began. */
  readonly #lookedAt = new WeakMap<SandboxSlot, number>();
  /** When a look last did not find it idle, so that the next search begins with others. */
  readonly #passedOverAt = new WeakMap<SandboxSlot, number>();

  constructor(context: LifecycleContext, stopper: SandboxStopper, turns: Turns) {
    this.#context = context;
    this.#stopper = stopper;
    this.#turns = turns;
  }

  /**
   * @param key whose sandbox needs the place; `null`: no particular one's
   * @param ofUser only sandboxes of this share, see {@link shareOf}; `null`: of anybody
   * @param signal nothing more is begun once it fired
   * @returns `false` where none was found idle in time
   */
  async makeRoom(key: string | null, ofUser: string | null, signal: AbortSignal): Promise<boolean> {
    const searchUntil = performance.now() + SEARCH_MS;
    const passedOver = new Set<SandboxSlot>();
    while (performance.now() < searchUntil) {
      // Found anew each time: meanwhile others become idle, or come to be in use.
      const candidates = this.#candidates(key, ofUser, passedOver);
      if (candidates.length === 0) return false;
      const { told, idle } = await this.#look(candidates);
      for (const slot of idle.length > 0 ? told : candidates) passedOver.add(slot);
      for (const slot of idle) {
        if (signal.aborted) return false;
        if (await this.#evictFor(key, slot, signal)) return true;
        if (performance.now() >= searchUntil) return false;
      }
      if (signal.aborted) return false;
    }
    return false;
  }

  /** Look at all of them together. @returns those that told in time, and those that are idle, in their order */
  async #look(
    candidates: readonly SandboxSlot[],
  ): Promise<{ told: SandboxSlot[]; idle: SandboxSlot[] }> {
    const told = new Map<SandboxSlot, boolean>();
    const first = Promise.withResolvers<void>();
    const looks = candidates.map(async (slot) => {
      const isIdle = await this.#isIdle(slot);
      told.set(slot, isIdle);
      if (isIdle) first.resolve();
    });
    await Promise.race([first.promise, Promise.all(looks), wait(BATCH_MS)]);
    const best = candidates.findIndex((slot) => told.get(slot));
    if (best > 0) await Promise.race([Promise.all(looks.slice(0, best)), wait(GRACE_MS)]);
    return {
      told: [...told.keys()],
      idle: candidates.filter((slot) => told.get(slot)),
    };
  }

  /** Returns sandboxes that may be idle, in the order in which they are to go. */
  #candidates(
    key: string | null,
    ofUser: string | null,
    passedOver: ReadonlySet<SandboxSlot>,
  ): SandboxSlot[] {
    const fits = (slot: SandboxSlot): boolean =>
      slot.key !== key &&
      slot.isIdle(0) &&
      !passedOver.has(slot) &&
      (ofUser === null || shareOf(slot.userId) === ofUser) &&
      (this.#looks.has(slot) || this.#isFree(slot));
    const found = this.#context.registry.slots().filter(fits);
    const passedOverAt = (slot: SandboxSlot): number =>
      this.#passedOverAt.get(slot) ?? Number.NEGATIVE_INFINITY;
    const usedAt = (slot: SandboxSlot): number => Math.max(slot.lastActiveAt, passedOverAt(slot));
    const excessOf = this.#excesses(key);
    const excess = (slot: SandboxSlot): number =>
      slot.clock.now() - passedOverAt(slot) < PASSED_OVER_MS ? 0 : excessOf(slot);
    return found
      .toSorted((one, other) => excess(other) - excess(one) || usedAt(one) - usedAt(other))
      .slice(0, LOOKS_AT_ONCE);
  }

  /**
   * How many sandboxes the user of a slot has in memory beyond an equal part of all that are, the one that
   * needs a place included. `0`: no more than that.
   */
  #excesses(key: string | null): (slot: SandboxSlot) => number {
    const { registry } = this.#context;
    const newcomer = key === null ? null : registry.slot(key);
    const held = new Map<string, number>();
    if (newcomer) held.set(shareOf(newcomer.userId), 0);
    let residents = 0;
    for (const slot of registry.slots()) {
      if (!slot.resident || slot === newcomer) continue;
      residents += 1;
      const share = shareOf(slot.userId);
      held.set(share, (held.get(share) ?? 0) + 1);
    }
    const fair = Math.max(1, Math.floor(residents / Math.max(1, held.size)));
    return (slot) => Math.max(0, (held.get(shareOf(slot.userId)) ?? 0) - fair);
  }

  /**
   * Whether nobody does something with it already. To wait for that with a key's lock in hand would
   * let two who need room wait for each other.
   */
  #isFree({ key }: SandboxSlot): boolean {
    return !this.#context.locks.isLocked(key);
  }

  #isIdle(slot: SandboxSlot): Promise<boolean> {
    const underWay = this.#looks.get(slot);
    if (underWay) return underWay;
    const look = this.#askIdle(slot).finally(() => this.#looks.delete(slot));
    this.#looks.set(slot, look);
    return look;
  }

  async #askIdle(slot: SandboxSlot): Promise<boolean> {
    const { work, locks, closing } = this.#context;
    this.#lookedAt.set(slot, slot.clock.now());
    using deadline = new Deadline({
      timeoutMs: LOOK_MS,
      failure: "The sandbox did not tell",
      closing,
    });
    try {
      const isWorking = await locks.run(slot.key, deadline.signal, () =>
        work.isWorking(slot, deadline, "again-soon"),
      );
      if (!isWorking) return true;
    } catch {
      // Nothing was to be done to it, and whoever puts it to sleep later hears why that fails.
    }
    this.#passedOverAt.set(slot, slot.clock.now());
    return false;
  }

  async #evictFor(key: string | null, slot: SandboxSlot, signal: AbortSignal): Promise<boolean> {
    if (key === null) return this.#evict(slot);
    const place = this.#evictions.enter(this.#context.registry.shareOfKey(key), signal);
    try {
      const isAdmitted = await place.admitted.then(
        () => true,
        () => false, // the signal fired
      );
      if (!isAdmitted) return false;
      // Its lock is free, or it is left alone: an eviction that has a place never waits for a lock.
      return await this.#evict(slot);
    } finally {
      place.leave();
    }
  }

  /** One that was just looked at: an engine may take a second for each look, so that once is enough. */
  async #evict(slot: SandboxSlot): Promise<boolean> {
    const isUnused = slot.lastActiveAt <= (this.#lookedAt.get(slot) ?? Number.NEGATIVE_INFINITY);
    if (!isUnused || !slot.isIdle(0) || !this.#isFree(slot)) return false;
    try {
      return await this.#turns.take(
        slot.key,
        "The sandbox could not be put to sleep for another one",
        async (deadline) => (await this.#stopper.evict(slot, deadline)) !== null,
      );
    } catch (error) {
      this.#turns.tellFailed(slot.key, error);
      return false;
    }
  }
}

function wait(milliseconds: number): Promise<void> {
  return delay(milliseconds, undefined, { ref: false });
}
