import type { ManagedSandbox, SandboxStatus } from "@carrel/backend-protocol";
import type { Deadline } from "./deadline.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import type { OpenSession } from "./open-session.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import { isSessionKey } from "./session-key.ts";
import type { Turns } from "./turns.ts";
import { writeUses } from "./write-uses.ts";

/**
 * Puts sandboxes to sleep, and stops those that nobody has a session for. What takes a sandbox away
 * from others is done as a change of its residency: never while another manager uses it.
 */
export class SandboxStopper {
  readonly #context: LifecycleContext;
  readonly #turns: Turns;
  readonly #lateWork = new Set<Promise<void>>();

  constructor(context: LifecycleContext, turns: Turns) {
    this.#context = context;
    this.#turns = turns;
  }

  /**
   * Under the lock: stop it if it is idle.
   * @returns how many sessions fell asleep, or `null` where it was not idle
   */
  async sleep(slot: SandboxSlot, maxIdleMs: number, deadline: Deadline): Promise<number | null> {
    const { work } = this.#context;
    if (!slot.isIdle(maxIdleMs) || (await work.isWorking(slot, deadline))) return null;
    return this.#sleepNow(slot, { maxIdleMs, reason: "idle" }, deadline);
  }

  /** Under the lock: as {@link SandboxStopper.sleep}, for another one that needs its place; whether it works was looked at. */
  evict(slot: SandboxSlot, deadline: Deadline): Promise<number | null> {
    return this.#sleepNow(slot, { maxIdleMs: 0, reason: "evicted" }, deadline);
  }

  /** Under the lock: freeze it in memory if it is idle and can be frozen. */
  async pause(slot: SandboxSlot, maxIdleMs: number, deadline: Deadline): Promise<void> {
    const { work, registry, events } = this.#context;
    if (slot.paused || !slot.isIdle(maxIdleMs) || !slot.sandbox?.pause) return;
    if (await work.isWorking(slot, deadline)) return;
    let paused = false;
    await this.#change(slot, deadline, async () => {
      if (slot.isIdle(maxIdleMs)) paused = await slot.pause(deadline);
      return paused ? "paused" : null;
    });
    if (!paused) return;
    for (const { id: sessionId, key } of registry.established(slot.key)) {
      events.emit({ type: "session-paused", sessionId, key });
    }
  }

  /**
   * Under the lock: stop it, whatever goes on in it. `false` where another manager uses it.
   * @param then what else is to be done before another manager can use it
   */
  stop(slot: SandboxSlot, deadline: Deadline, then?: () => Promise<void>): Promise<boolean> {
    return this.#change(slot, deadline, async () => {
      const status = await this.#stopNow(slot, deadline);
      await then?.();
      return status;
    });
  }

  /** Under the lock: delete it with its files. Otherwise as {@link SandboxStopper.stop}. */
  remove(slot: SandboxSlot, deadline: Deadline, then?: () => Promise<void>): Promise<boolean> {
    return this.#change(slot, deadline, async () => {
      await slot.remove(deadline);
      await then?.();
      return "gone";
    });
  }

  /**
   * Under the lock: delete it with its files, and forget them.
   * @param asked somebody asked for that. Otherwise it is done only where the store knows the files:
   * a database that was lost or put back knows no session either
   * @returns `false`, and nothing was done, where a session is open for it or another manager uses it
   */
  async removeUnreached(
    slot: SandboxSlot,
    deadline: Deadline,
    { asked = false }: { asked?: boolean } = {},
  ): Promise<boolean> {
    const { store } = this.#context;
    let removed = false;
    await this.#change(slot, deadline, async () => {
      // Looked at only now: whoever opens a session from here on waits with its start.
      if (await this.#isOpen(slot, deadline)) return null;
      if (!asked && !(await this.#isOnRecord(slot, deadline))) return null;
      await slot.remove(deadline);
      removed = true;
      return "gone";
    });
    if (removed) await deadline.run(() => store.forgetWorkspace(slot.key));
    return removed;
  }

  /** Under the lock: give up what it takes beside its files. `false` where it is not stopped, or used. */
  async discardStopped(slot: SandboxSlot, deadline: Deadline): Promise<boolean> {
    const { provider } = this.#context;
    let discarded = false;
    await this.#change(slot, deadline, async () => {
      discarded = await deadline.run(async (signal) =>
        Boolean(await provider.discard?.(slot.key, { signal })),
      );
      if (discarded) return "gone";
      // The store was told something else than what is: it is told again, so as not to ask for ever.
      const sandbox = await slot.current(deadline);
      return sandbox ? deadline.run((signal) => sandbox.status({ signal })) : "gone";
    });
    return discarded;
  }

  /** Under the lock: a start failed, and the sandbox may be half awake. Never throws. */
  async discard(slot: SandboxSlot): Promise<void> {
    const { residencies } = this.#context;
    using deadline = this.#turns.deadline("The sandbox that did not start could not be stopped");
    try {
      if (slot.resident) await this.stop(slot, deadline);
      else if (residencies.claims(slot.key)) await residencies.release(slot.key);
    } catch (error) {
      this.#turns.tellFailed(slot.key, error);
    }
  }

  /**
   * Stop a sandbox that was made after nobody waited for it any more, unless somebody took it over
   * meanwhile. Never throws: where it fails the next clean-up tries again.
   */
  stopLate(key: string, userId: string | null, sandbox: ManagedSandbox): Promise<void> {
    const { registry } = this.#context;
    return this.#later(key, async (deadline) => {
      const slot = registry.slotOf(key, userId);
      if (slot.resident) return;
      slot.adopt({ paused: false, sandbox });
      if (registry.sharing(key).length > 0) await this.stop(slot, deadline);
      else await this.stopUnownedNow(slot, deadline);
    });
  }

  /** Stop a sandbox whose last session this manager forgot, unless one took it over. Never throws. */
  stopUnowned({ key }: SandboxSlot): Promise<void> {
    const { registry } = this.#context;
    return this.#later(key, async (deadline) => {
      const slot = registry.slot(key);
      if (slot && registry.sharing(key).length === 0) await this.stopUnownedNow(slot, deadline);
    });
  }

  /** Resolves when none of them is being stopped any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#lateWork);
  }

  /**
   * Under the lock: stop one that no session of this manager has.
   * @returns what became of it, or `null`: somebody uses it
   */
  async stopUnownedNow(
    slot: SandboxSlot,
    deadline: Deadline,
  ): Promise<"stopped" | "removed" | null> {
    if (!slot.resident || slot.held) return null;
    // A workspace that only an ended session could reach goes with it.
    if (isSessionKey(slot.key) && (await this.removeUnreached(slot, deadline))) return "removed";
    if (!slot.resident) return null;
    return (await this.stop(slot, deadline)) ? "stopped" : null;
  }

  async #isOpen({ key }: SandboxSlot, deadline: Deadline): Promise<boolean> {
    const { store } = this.#context;
    return (await deadline.run(() => store.list({ key, limit: 1 }))).length > 0;
  }

  /**
   * Whether this is the store in which the sandbox's life was written down. A record alone does not
   * tell: each residency makes one. That of a sandbox which ran here says so.
   */
  async #isOnRecord({ key, wakenings }: SandboxSlot, deadline: Deadline): Promise<boolean> {
    const { store } = this.#context;
    const workspace = await deadline.run(() => store.workspace(key));
    return workspace !== null && (workspace.status !== null || wakenings === 0);
  }

  /** Where that fails the next pass in the background tries again. */
  async #writeUses(sessions: readonly OpenSession[], deadline: Deadline): Promise<void> {
    const { store, events } = this.#context;
    try {
      await writeUses(store, sessions, deadline);
    } catch (error) {
      events.emit({ type: "store-failed", error });
    }
  }

  #later(key: string, body: (deadline: Deadline) => Promise<void>): Promise<void> {
    const failure = "A sandbox without a session could not be stopped";
    const work = this.#turns
      .take(key, failure, body)
      .catch((error: unknown) => this.#turns.tellFailed(key, error))
      .finally(() => {
        this.#lateWork.delete(work);
        this.#context.registry.prune(key);
      });
    this.#lateWork.add(work);
    return work;
  }

  async #sleepNow(
    slot: SandboxSlot,
    { maxIdleMs, reason }: { maxIdleMs: number; reason: "idle" | "evicted" },
    deadline: Deadline,
  ): Promise<number | null> {
    const { registry, events } = this.#context;
    let slept = false;
    await this.#change(slot, deadline, async () => {
      // Somebody may have come meanwhile. After this look nobody can: `stop` begins in the same step.
      if (!slot.isIdle(maxIdleMs)) return null;
      slept = true;
      return this.#stopNow(slot, deadline);
    });
    if (!slept) return null;
    const sleepers = registry.established(slot.key);
    await this.#writeUses(sleepers, deadline);
    for (const { id: sessionId, key } of sleepers) {
      events.emit({ type: "session-slept", sessionId, key, reason });
    }
    return sleepers.length;
  }

  async #change(
    slot: SandboxSlot,
    deadline: Deadline,
    work: () => Promise<SandboxStatus | null>,
  ): Promise<boolean> {
    const { residencies, registry } = this.#context;
    const attempt = (): Promise<boolean> =>
      residencies.change(slot.key, deadline, { work, keeps: () => slot.resident });
    let changed = await attempt();
    // Whoever came meanwhile works on under this manager's residency. Nobody can come between this
    // look and the next step, and who comes later acquires it anew.
    if (!changed && !slot.held) {
      slot.distrust(slot.wakenings);
      await residencies.release(slot.key);
      // The other manager may have been refused because of this one: one of both has to do it.
      changed = await attempt();
      if (!changed) slot.leave();
    }
    registry.prune(slot.key);
    return changed;
  }

  /** Stop it; one that only a session could reach which another manager ended goes with its files. */
  async #stopNow(slot: SandboxSlot, deadline: Deadline): Promise<SandboxStatus | null> {
    await slot.stop(deadline);
    if (isSessionKey(slot.key) && !(await this.#isOpen(slot, deadline))) {
      // That it ran is not told to a store which does not know it, and would pass for its own then.
      if (!(await this.#isOnRecord(slot, deadline))) return null;
      await slot.remove(deadline);
    }
    return slot.sandbox ? "stopped" : "gone";
  }
}
