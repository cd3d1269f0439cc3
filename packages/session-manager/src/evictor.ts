import type { LifecycleContext } from "./lifecycle-context.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import type { Turns } from "./turns.ts";

/** Puts the idle sandbox that was unused for longest to sleep where another one needs its place. */
export class Evictor {
  readonly #context: LifecycleContext;
  readonly #stopper: SandboxStopper;
  readonly #turns: Turns;

  constructor(context: LifecycleContext, stopper: SandboxStopper, turns: Turns) {
    this.#context = context;
    this.#stopper = stopper;
    this.#turns = turns;
  }

  /**
   * @param key whose sandbox needs the place
   * @param userId only sandboxes of this user; `null`: of anybody
   * @returns `false` where none was idle
   */
  async makeRoom(key: string, userId: string | null): Promise<boolean> {
    // Looked at anew each time: while one is stopped others become idle, or come to be in use.
    const passedOver = new Set<SandboxSlot>();
    for (;;) {
      const victim = this.#leastRecentlyUsed(key, userId, passedOver);
      if (!victim) return false;
      passedOver.add(victim);
      if (await this.#evict(victim)) return true;
    }
  }

  #leastRecentlyUsed(
    key: string,
    userId: string | null,
    passedOver: ReadonlySet<SandboxSlot>,
  ): SandboxSlot | null {
    const { registry, locks } = this.#context;
    let found: SandboxSlot | null = null;
    for (const slot of registry.slots()) {
      if (slot.key === key || !slot.isIdle(0) || passedOver.has(slot)) continue;
      // Somebody does something with it already. To wait for that with a key's lock in hand would
      // let two who need room wait for each other.
      if (locks.isLocked(slot.key)) continue;
      if (userId !== null && slot.userId !== userId) continue;
      if (!found || slot.unusedMs > found.unusedMs) found = slot;
    }
    return found;
  }

  async #evict(slot: SandboxSlot): Promise<boolean> {
    try {
      return await this.#turns.take(
        slot.key,
        "The sandbox could not be put to sleep for another one",
        async (deadline) => (await this.#stopper.sleep(slot, 0, "evicted", deadline)) !== null,
      );
    } catch (error) {
      this.#turns.tellFailed(slot.key, error);
      return false;
    }
  }
}
