import { SandboxError } from "@carrel/backend-protocol";
import type { Deadline } from "./deadline.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { mapBounded } from "./map-bounded.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import type { SessionEnder } from "./session-ender.ts";
import type { Turns } from "./turns.ts";

/** How many sandboxes are stopped at a time: an engine does not get faster with more. */
const STOP_CONCURRENCY = 16;

export interface CleanupOptions {
  stopper: SandboxStopper;
  ender: SessionEnder;
  turns: Turns;
}

/** Goes through all sandboxes that this manager knows: puts them to sleep, and ends what is to end. */
export class Cleanup {
  readonly #context: LifecycleContext;
  readonly #stopper: SandboxStopper;
  readonly #ender: SessionEnder;
  readonly #turns: Turns;

  constructor(context: LifecycleContext, { stopper, ender, turns }: CleanupOptions) {
    this.#context = context;
    this.#stopper = stopper;
    this.#ender = ender;
    this.#turns = turns;
  }

  /**
   * Stop what is idle for so long, freeze what is idle for long enough for that, and end sessions
   * that nobody comes back to.
   * @returns how many sessions fell asleep or ended
   */
  async run(maxIdleMs: number, signal: AbortSignal): Promise<number> {
    const { registry, work } = this.#context;
    const [candidates, others]: [SandboxSlot[], SandboxSlot[]] = [[], []];
    for (const slot of registry.slots()) {
      (this.#isCandidate(slot, maxIdleMs) ? candidates : others).push(slot);
    }
    await mapBounded(others, STOP_CONCURRENCY, async (slot) => {
      using deadline = this.#turns.deadline("What a sandbox uses could not be had");
      if (!signal.aborted) await work.takeSample(slot, deadline);
    });
    const counts = await mapBounded(candidates, STOP_CONCURRENCY, async (slot) =>
      signal.aborted ? 0 : this.#cleanSlot(slot, maxIdleMs),
    );
    await this.#stopper.settled();
    return sum(counts);
  }

  /**
   * Stop all, whatever goes on in them.
   * @returns how many sessions were stopped
   * @throws `unavailable` where some could not be stopped
   */
  async stopAll(): Promise<number> {
    const { registry } = this.#context;
    const failures: unknown[] = [];
    await this.#stopper.settled();
    const counts = await mapBounded(registry.slots(), STOP_CONCURRENCY, async (slot) => {
      try {
        return await this.#stopSlot(slot);
      } catch (error) {
        failures.push(error);
        return 0;
      }
    });
    if (failures.length === 0) return sum(counts);
    throw new SandboxError({
      code: "unavailable",
      message: `${failures.length} sandboxes could not be stopped. Try again.`,
      cause: new AggregateError(failures),
    });
  }

  #isCandidate(slot: SandboxSlot, maxIdleMs: number): boolean {
    const { registry, settings } = this.#context;
    return (
      slot.isIdle(Math.min(maxIdleMs, settings.pauseAfterMs)) ||
      registry.sharing(slot.key).length === 0 ||
      this.#ender.endingOf(slot).length > 0 ||
      this.#ender.forgottenOf(slot).length > 0
    );
  }

  async #cleanSlot(slot: SandboxSlot, maxIdleMs: number): Promise<number> {
    let entered = false;
    try {
      return await this.#turns.take(
        slot.key,
        "The sandbox could not be put to sleep",
        async (deadline) => {
          entered = true;
          return this.#cleanInTurn(slot, maxIdleMs, deadline);
        },
      );
    } catch (error) {
      // One whose turn never comes is not idle: the next pass will see.
      if (entered) this.#turns.tellFailed(slot.key, error);
      return 0;
    } finally {
      this.#context.registry.prune(slot.key);
    }
  }

  async #cleanInTurn(slot: SandboxSlot, maxIdleMs: number, deadline: Deadline): Promise<number> {
    const { registry, settings } = this.#context;
    if (registry.sharing(slot.key).length === 0) {
      await this.#stopper.stopUnownedNow(slot, deadline);
      return 0;
    }
    const ended =
      (await this.#ender.finishEnds(slot, deadline)) + (await this.#ender.expire(slot, deadline));
    const slept = await this.#stopper.sleep(slot, maxIdleMs, deadline);
    if (slept === null) await this.#stopper.pause(slot, settings.pauseAfterMs, deadline);
    return ended + (slept ?? 0);
  }

  #stopSlot(slot: SandboxSlot): Promise<number> {
    const { registry } = this.#context;
    return this.#turns.take(slot.key, "The sandbox could not be stopped", async (deadline) => {
      const ended = await this.#ender.finishEnds(slot, deadline);
      if (!slot.resident) return ended;
      const sessions = registry.established(slot.key).length;
      if (sessions === 0) await this.#stopper.stopUnownedNow(slot, deadline);
      else await this.#stopper.stop(slot, deadline);
      return ended + sessions;
    });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
