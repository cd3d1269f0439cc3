import type { ManagedSandbox } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import type { OpenSession } from "./open-session.ts";
import type { Wakening } from "./sandbox-slot.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import type { SessionRecord } from "./session-store.ts";

/** Opens sessions, and makes their sandboxes run. */
export class SandboxStarter {
  readonly #context: LifecycleContext;
  readonly #stopper: SandboxStopper;

  constructor(context: LifecycleContext, stopper: SandboxStopper) {
    this.#context = context;
    this.#stopper = stopper;
  }

  /** A session's record in the store. */
  async read(id: string): Promise<SessionRecord | null> {
    const { store, closing, startTimeoutMs: timeoutMs } = this.#context;
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
      const { store, events } = this.#context;
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
      const { store } = this.#context;
      if ((await deadline.run(() => store.get(session.id))) === null) {
        // Another manager ended it. The stop waits for the lock that is held here, so not for it.
        void this.#stopper.forget(session);
        return null;
      }
      return this.#wake(session, deadline);
    });
  }

  async #enter(
    session: OpenSession,
    signal: AbortSignal | undefined,
    body: (deadline: Deadline) => Promise<ManagedSandbox | null>,
  ): Promise<ManagedSandbox | null> {
    const { startTimeoutMs: timeoutMs, closing, locks } = this.#context;
    const failure = `The sandbox of session ${JSON.stringify(session.id)} did not start`;
    using deadline = new Deadline({ timeoutMs, failure, signal, closing });
    session.openers += 1;
    // Whoever waits for the sandbox counts as using it, so that clean-up passes it by.
    const release = session.hold();
    try {
      return await locks.run(session.record.key, deadline.signal, () => body(deadline));
    } finally {
      release();
      session.openers -= 1;
      if (!session.established && session.openers === 0) await this.#stopper.forget(session);
    }
  }

  /** Under the lock. */
  async #wake({ slot }: OpenSession, deadline: Deadline): Promise<ManagedSandbox> {
    const onLate = (late: ManagedSandbox): void => void this.#stopper.stopOrphan(slot.key, late);
    try {
      const { sandbox, wakening } = await slot.ensureRunning(deadline, onLate);
      this.#tellWakening(slot.key, sandbox.id, wakening);
      return sandbox;
    } catch (error) {
      if (slot.resident && !slot.readySandbox) await this.#stopper.discard(slot);
      throw error;
    }
  }

  #tellWakening(key: string, sandboxId: string, wakening: Wakening): void {
    const { events, registry } = this.#context;
    for (const { id: sessionId } of registry.established(key)) {
      if (wakening === "woken") events.emit({ type: "session-woken", sessionId });
      if (wakening === "replaced") events.emit({ type: "sandbox-replaced", sessionId, sandboxId });
    }
  }
}
