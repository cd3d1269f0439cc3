import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox, SandboxProvider } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import { forEachBounded } from "./for-each-bounded.ts";
import { KeyedLock } from "./keyed-lock.ts";
import type { OpenSession } from "./open-session.ts";
import type { SandboxSlot, Wakening } from "./sandbox-slot.ts";
import type { SessionEvents } from "./session-events.ts";
import { isSessionKey } from "./session-key.ts";
import type { SessionRegistry } from "./session-registry.ts";
import type { SessionRecord, SessionStore } from "./session-store.ts";

/** How many sandboxes are stopped at a time: an engine does not get faster with more. */
const STOP_CONCURRENCY = 16;

export interface SandboxLifecycleOptions {
  provider: SandboxProvider;
  store: SessionStore;
  startTimeoutMs: number;
  stopTimeoutMs: number;
  registry: SessionRegistry;
  events: SessionEvents;
  /** Fires, with the error to throw, when the manager shuts down. */
  closing: AbortSignal;
}

/**
 * All that changes the life of a sandbox or a session, one step at a time per key: whatever
 * happens here to a key happens under its lock.
 */
export class SandboxLifecycle {
  readonly #options: SandboxLifecycleOptions;
  readonly #locks = new KeyedLock();
  readonly #orphanWork = new Set<Promise<void>>();

  constructor(options: SandboxLifecycleOptions) {
    this.#options = options;
  }

  /** A session's record in the store. */
  async read(id: string): Promise<SessionRecord | null> {
    const { store, closing, startTimeoutMs: timeoutMs } = this.#options;
    using deadline = new Deadline({ timeoutMs, failure: "The session could not be read", closing });
    return deadline.run(() => store.get(id));
  }

  /**
   * Open a session, or wake one that is open: it is written down once its sandbox runs.
   * @returns `null` where it ended while this waited
   */
  open(session: OpenSession, signal: AbortSignal | undefined): Promise<ManagedSandbox | null> {
    const openedAt = performance.now();
    return this.#enter(session, signal, async (deadline) => {
      if (session.closed) return null;
      // An end that failed is called off: somebody wants the session again.
      session.ending = false;
      const { store, events } = this.#options;
      const sandbox = await this.#wake(session, deadline);
      session.record = await deadline.run(() => store.putIfAbsent(session.record));
      if (!session.established) {
        session.established = true;
        const durationMs = performance.now() - openedAt;
        events.emit({ type: "session-opened", sessionId: session.id, durationMs });
      }
      return sandbox;
    });
  }

  /**
   * Wake an open session.
   * @returns `null` where it is not open any more
   */
  visit(session: OpenSession, signal: AbortSignal | undefined): Promise<ManagedSandbox | null> {
    return this.#enter(session, signal, async (deadline) => {
      if (session.closed || session.ending || !session.established) return null;
      const { store } = this.#options;
      if ((await deadline.run(() => store.get(session.id))) === null) {
        // Another manager ended it. The stop waits for the lock that is held here, so not for it.
        void this.#forget(session);
        return null;
      }
      return this.#wake(session, deadline);
    });
  }

  /** @returns `false` where it ended already */
  async end(session: OpenSession): Promise<boolean> {
    const failure = `The session ${JSON.stringify(session.id)} could not be ended`;
    using deadline = this.#stopDeadline(failure);
    return this.#locks.run(session.record.key, deadline.signal, () => this.#end(session));
  }

  /** @returns how many sessions fell asleep or ended */
  async cleanup(maxIdleMs: number, signal: AbortSignal): Promise<number> {
    const { registry } = this.#options;
    const candidates = registry
      .slots()
      .filter((slot) => slot.isIdle(maxIdleMs) || this.#endingSessions(slot).length > 0);
    let count = 0;
    await forEachBounded(candidates, STOP_CONCURRENCY, async (slot) => {
      if (signal.aborted) return;
      count += await this.#cleanSlot(slot, maxIdleMs);
    });
    return count;
  }

  /** @throws `unavailable` where some could not be stopped */
  async stopAll(): Promise<number> {
    const failures: unknown[] = [];
    let count = 0;
    await forEachBounded(this.#options.registry.slots(), STOP_CONCURRENCY, async (slot) => {
      try {
        count += await this.#stopSlot(slot);
      } catch (error) {
        failures.push(error);
      }
    });
    await Promise.all(this.#orphanWork);
    if (failures.length === 0) return count;
    throw new SandboxError({
      code: "unavailable",
      message: `${failures.length} sandboxes could not be stopped, ${count} sessions were. Try again.`,
      cause: new AggregateError(failures),
    });
  }

  async #enter(
    session: OpenSession,
    signal: AbortSignal | undefined,
    body: (deadline: Deadline) => Promise<ManagedSandbox | null>,
  ): Promise<ManagedSandbox | null> {
    const { startTimeoutMs: timeoutMs, closing } = this.#options;
    const failure = `The sandbox of session ${JSON.stringify(session.id)} did not start`;
    using deadline = new Deadline({ timeoutMs, failure, signal, closing });
    session.openers += 1;
    // Whoever waits for the sandbox counts as using it, so that clean-up passes it by.
    const release = session.hold();
    try {
      return await this.#locks.run(session.record.key, deadline.signal, () => body(deadline));
    } finally {
      release();
      session.openers -= 1;
      if (!session.established && session.openers === 0) await this.#forget(session);
    }
  }

  /** Under the lock. */
  async #wake({ slot }: OpenSession, deadline: Deadline): Promise<ManagedSandbox> {
    const onLate = (late: ManagedSandbox): void => void this.#stopOrphan(slot.key, late);
    try {
      this.#tellWakening(slot, await slot.ensureRunning(deadline, onLate));
    } catch (error) {
      if (slot.resident && !slot.readySandbox) await this.#discard(slot);
      throw error;
    }
    const { readySandbox } = slot;
    if (readySandbox) return readySandbox;
    throw new Error("A sandbox that was just woken is not ready.");
  }

  #tellWakening({ key, sandbox }: SandboxSlot, wakening: Wakening): void {
    for (const { id: sessionId } of this.#established(key)) {
      if (wakening === "woken") this.#options.events.emit({ type: "session-woken", sessionId });
      if (wakening === "replaced" && sandbox) {
        const sandboxId = sandbox.id;
        this.#options.events.emit({ type: "sandbox-replaced", sessionId, sandboxId });
      }
    }
  }

  /** Under the lock. */
  async #end(session: OpenSession): Promise<boolean> {
    if (session.closed || !session.established) return false;
    const { store, registry, events } = this.#options;
    const { slot, id, record } = session;
    session.ending = true;
    using deadline = this.#stopDeadline(`The session ${JSON.stringify(id)} could not be ended`);
    const shared = registry.sharing(record.key).some((other) => other !== session && !other.ending);
    if (record.scope === "session") await slot.remove(deadline);
    else if (!shared && (slot.resident || !slot.sandbox)) await slot.stop(deadline);
    await deadline.run(() => store.delete(id));
    registry.forget(session);
    events.emit({ type: "session-ended", sessionId: id });
    return true;
  }

  async #cleanSlot(slot: SandboxSlot, maxIdleMs: number): Promise<number> {
    using deadline = this.#stopDeadline("The sandbox could not be put to sleep");
    let entered = false;
    try {
      return await this.#locks.run(slot.key, deadline.signal, async () => {
        entered = true;
        const ended = await this.#finishEnds(slot);
        return ended + (await this.#sleep(slot, maxIdleMs, deadline));
      });
    } catch (error) {
      // One that others are busy with all the time is not idle.
      if (entered) this.#tellStopFailed(slot.key, error);
      return 0;
    }
  }

  /** Under the lock. */
  async #finishEnds(slot: SandboxSlot): Promise<number> {
    let count = 0;
    for (const session of this.#endingSessions(slot)) if (await this.#end(session)) count += 1;
    return count;
  }

  /** Under the lock. */
  async #sleep(slot: SandboxSlot, maxIdleMs: number, deadline: Deadline): Promise<number> {
    if (!slot.isIdle(maxIdleMs) || (await slot.runsCommand(deadline))) return 0;
    // Somebody may have come meanwhile. After this look nobody can: `stop` begins in the same step.
    if (!slot.isIdle(maxIdleMs)) return 0;
    await slot.stop(deadline);
    const sleepers = this.#established(slot.key);
    for (const { id } of sleepers) {
      this.#options.events.emit({ type: "session-slept", sessionId: id });
    }
    return sleepers.length;
  }

  async #stopSlot(slot: SandboxSlot): Promise<number> {
    using deadline = this.#stopDeadline("The sandbox could not be stopped");
    return this.#locks.run(slot.key, deadline.signal, async () => {
      const ended = await this.#finishEnds(slot);
      if (!slot.resident) return ended;
      await slot.stop(deadline);
      return ended + this.#established(slot.key).length;
    });
  }

  /** Drop a session that is not to be ended, because it never began or ended elsewhere. */
  async #forget(session: OpenSession): Promise<void> {
    const { registry } = this.#options;
    const { slot } = session;
    registry.forget(session);
    const orphaned = slot.resident && registry.slot(slot.key) !== slot;
    if (orphaned && slot.sandbox) await this.#stopOrphan(slot.key, slot.sandbox);
  }

  /** Stop a sandbox that runs without a session, unless one took it over meanwhile. */
  #stopOrphan(key: string, sandbox: ManagedSandbox): Promise<void> {
    const { registry, provider } = this.#options;
    const stop = async (): Promise<void> => {
      using deadline = this.#stopDeadline("A sandbox without a session could not be stopped");
      try {
        await this.#locks.run(key, deadline.signal, async () => {
          const slot = registry.slot(key);
          if (slot?.resident) return;
          await deadline.run<unknown>((signal) =>
            !slot && isSessionKey(key)
              ? provider.remove(key, { signal })
              : sandbox.stop({ signal }),
          );
        });
      } catch (error) {
        this.#tellStopFailed(key, error);
      }
    };
    const work = stop().finally(() => this.#orphanWork.delete(work));
    this.#orphanWork.add(work);
    return work;
  }

  /** Under the lock: stop a sandbox that may be half awake. */
  async #discard(slot: SandboxSlot): Promise<void> {
    using deadline = this.#stopDeadline("The sandbox that did not start could not be stopped");
    try {
      await slot.stop(deadline);
    } catch (error) {
      this.#tellStopFailed(slot.key, error);
    }
  }

  #tellStopFailed(key: string, error: unknown): void {
    const ids: (string | null)[] = this.#established(key).map(({ id }) => id);
    for (const sessionId of ids.length > 0 ? ids : [null]) {
      this.#options.events.emit({ type: "stop-failed", sessionId, error });
    }
  }

  #stopDeadline(failure: string): Deadline {
    return new Deadline({ timeoutMs: this.#options.stopTimeoutMs, failure });
  }

  #established(key: string): OpenSession[] {
    return this.#options.registry.sharing(key).filter(({ established }) => established);
  }

  #endingSessions({ key }: SandboxSlot): OpenSession[] {
    return this.#established(key).filter(({ ending }) => ending);
  }
}
