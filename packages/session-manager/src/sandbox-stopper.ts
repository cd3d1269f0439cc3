import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { mapBounded } from "./map-bounded.ts";
import type { OpenSession } from "./open-session.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import { isSessionKey } from "./session-key.ts";

/** How many sandboxes are stopped at a time: an engine does not get faster with more. */
const STOP_CONCURRENCY = 16;

/** Ends sessions, and stops sandboxes that are idle or that nobody has a session for. */
export class SandboxStopper {
  readonly #context: LifecycleContext;
  /** Sandboxes by key that run without a session and could not be stopped yet. */
  readonly #orphans = new Map<string, { sandbox: ManagedSandbox; error: unknown }>();
  readonly #orphanWork = new Set<Promise<void>>();

  constructor(context: LifecycleContext) {
    this.#context = context;
  }

  /** @returns `false` where it ended already */
  end(session: OpenSession): Promise<boolean> {
    const failure = `The session ${JSON.stringify(session.id)} could not be ended`;
    return this.#takeTurn(session.record.key, failure, (deadline) => this.#end(session, deadline));
  }

  /** @returns how many sessions fell asleep or ended */
  async cleanup(maxIdleMs: number, signal: AbortSignal): Promise<number> {
    const candidates = this.#context.registry
      .slots()
      .filter(
        (slot) =>
          slot.isIdle(maxIdleMs) ||
          this.#endingSessions(slot).length > 0 ||
          this.#forgottenSessions(slot).length > 0,
      );
    const counts = await mapBounded(candidates, STOP_CONCURRENCY, async (slot) =>
      signal.aborted ? 0 : this.#cleanSlot(slot, maxIdleMs),
    );
    if (!signal.aborted) await this.#stopOrphans();
    return sum(counts);
  }

  /** @throws `unavailable` where some could not be stopped */
  async stopAll(): Promise<number> {
    const failures: unknown[] = [];
    const slots = this.#context.registry.slots();
    const counts = await mapBounded(slots, STOP_CONCURRENCY, async (slot) => {
      try {
        return await this.#stopSlot(slot);
      } catch (error) {
        failures.push(error);
        return 0;
      }
    });
    await this.#stopOrphans();
    for (const { error } of this.#orphans.values()) failures.push(error);
    if (failures.length === 0) return sum(counts);
    throw new SandboxError({
      code: "unavailable",
      message: `${failures.length} sandboxes could not be stopped. Try again.`,
      cause: new AggregateError(failures),
    });
  }

  /** Drop a session that is not to be ended, because it never began or ended elsewhere. */
  async forget(session: OpenSession): Promise<void> {
    const { registry } = this.#context;
    const { slot } = session;
    registry.forget(session);
    const orphaned = slot.resident && registry.slot(slot.key) !== slot;
    if (orphaned && slot.sandbox) await this.stopOrphan(slot.key, slot.sandbox);
  }

  /**
   * Stop a sandbox that runs without a session, unless one took it over meanwhile. Never throws:
   * where it fails the next clean-up tries again.
   */
  stopOrphan(key: string, sandbox: ManagedSandbox): Promise<void> {
    const { registry, provider } = this.#context;
    const failure = "A sandbox without a session could not be stopped";
    const work = this.#takeTurn(key, failure, async (deadline) => {
      const slot = registry.slot(key);
      if (slot?.resident) return;
      // A workspace that only an ended session could reach.
      const unreachable = !slot && isSessionKey(key);
      await deadline.run<unknown>((signal) =>
        unreachable ? provider.remove(key, { signal }) : sandbox.stop({ signal }),
      );
    })
      .catch((error: unknown) => {
        this.#orphans.set(key, { sandbox, error });
        this.#tellStopFailed(key, error);
      })
      .finally(() => this.#orphanWork.delete(work));
    this.#orphanWork.add(work);
    return work;
  }

  /** Try again those that could not be stopped, and wait for all that are being stopped. */
  async #stopOrphans(): Promise<void> {
    const orphans = [...this.#orphans];
    this.#orphans.clear();
    for (const [key, { sandbox }] of orphans) void this.stopOrphan(key, sandbox);
    await Promise.all(this.#orphanWork);
  }

  /** Under the lock: stop a sandbox that may be half awake. Never throws. */
  async discard(slot: SandboxSlot): Promise<void> {
    using deadline = this.#stopDeadline("The sandbox that did not start could not be stopped");
    try {
      await slot.stop(deadline);
    } catch (error) {
      this.#tellStopFailed(slot.key, error);
    }
  }

  /** Under the lock. */
  async #end(session: OpenSession, deadline: Deadline): Promise<boolean> {
    if (session.closed || !session.established) return false;
    const { store, registry, events } = this.#context;
    const { slot, id, record } = session;
    session.ending = true;
    const shared = registry.sharing(record.key).some((other) => other !== session && !other.ending);
    if (record.scope === "session") await slot.remove(deadline);
    else if (!shared && (slot.resident || !slot.sandbox)) await slot.stop(deadline);
    await deadline.run(() => store.delete(id));
    registry.forget(session);
    events.emit({ type: "session-ended", sessionId: id });
    return true;
  }

  /** Under the lock: try again the ends that failed. */
  async #finishEnds(slot: SandboxSlot, deadline: Deadline): Promise<number> {
    let count = 0;
    for (const session of this.#endingSessions(slot)) {
      if (await this.#end(session, deadline)) count += 1;
    }
    return count;
  }

  /** Under the lock: end the sessions that nobody used for as long as sessions are kept. */
  async #expire(slot: SandboxSlot, deadline: Deadline): Promise<number> {
    const forgotten = this.#forgottenSessions(slot);
    if (forgotten.length === 0 || (await slot.runsElsewhere(deadline))) return 0;
    let count = 0;
    for (const session of forgotten) {
      // Somebody may have come meanwhile. After this look nobody can: the end begins in the same step.
      if (!session.isForgotten(this.#context.sessionRetentionMs)) continue;
      if (await this.#end(session, deadline)) count += 1;
    }
    return count;
  }

  async #cleanSlot(slot: SandboxSlot, maxIdleMs: number): Promise<number> {
    let entered = false;
    try {
      return await this.#takeTurn(
        slot.key,
        "The sandbox could not be put to sleep",
        async (deadline) => {
          entered = true;
          const ended = await this.#finishEnds(slot, deadline);
          const expired = await this.#expire(slot, deadline);
          return ended + expired + (await this.#sleep(slot, maxIdleMs, deadline));
        },
      );
    } catch (error) {
      // One whose turn never comes is not idle: the next pass will see.
      if (entered) this.#tellStopFailed(slot.key, error);
      return 0;
    }
  }

  /** Under the lock. */
  async #sleep(slot: SandboxSlot, maxIdleMs: number, deadline: Deadline): Promise<number> {
    if (!slot.isIdle(maxIdleMs) || (await slot.runsCommand(deadline))) return 0;
    // Somebody may have come meanwhile. After this look nobody can: `stop` begins in the same step.
    if (!slot.isIdle(maxIdleMs)) return 0;
    await slot.stop(deadline);
    const sleepers = this.#context.registry.established(slot.key);
    for (const { id: sessionId } of sleepers) {
      this.#context.events.emit({ type: "session-slept", sessionId });
    }
    return sleepers.length;
  }

  #stopSlot(slot: SandboxSlot): Promise<number> {
    const failure = "The sandbox could not be stopped";
    return this.#takeTurn(slot.key, failure, async (deadline) => {
      const ended = await this.#finishEnds(slot, deadline);
      if (!slot.resident) return ended;
      await slot.stop(deadline);
      return ended + this.#context.registry.established(slot.key).length;
    });
  }

  /** Do something under the lock. Waiting for it ends in time, and so does what is done then. */
  async #takeTurn<T>(
    key: string,
    failure: string,
    body: (deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    // Whoever holds the lock may be starting the sandbox.
    using turn = new Deadline({ timeoutMs: this.#context.startTimeoutMs, failure });
    return await this.#context.locks.run(key, turn.signal, async () => {
      using deadline = this.#stopDeadline(failure);
      return await body(deadline);
    });
  }

  #tellStopFailed(key: string, error: unknown): void {
    const { registry, events } = this.#context;
    const ids: (string | null)[] = registry.established(key).map(({ id }) => id);
    for (const sessionId of ids.length > 0 ? ids : [null]) {
      events.emit({ type: "stop-failed", sessionId, error });
    }
  }

  #stopDeadline(failure: string): Deadline {
    return new Deadline({ timeoutMs: this.#context.stopTimeoutMs, failure });
  }

  #endingSessions({ key }: SandboxSlot): OpenSession[] {
    return this.#context.registry.established(key).filter(({ ending }) => ending);
  }

  #forgottenSessions({ key }: SandboxSlot): OpenSession[] {
    const { registry, sessionRetentionMs } = this.#context;
    return registry.established(key).filter((session) => session.isForgotten(sessionRetentionMs));
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
