import { Deadline } from "./deadline.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";

/** Turns at a key for those who stop and end: nobody's signal breaks them off, their deadline does. */
export class Turns {
  readonly #context: LifecycleContext;

  constructor(context: LifecycleContext) {
    this.#context = context;
  }

  /** Do something under the lock. Waiting for it ends in time, and so does what is done then. */
  async take<T>(
    key: string,
    failure: string,
    body: (deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const { settings, locks } = this.#context;
    // Whoever holds the lock may be starting the sandbox.
    using turn = new Deadline({ timeoutMs: settings.startTimeoutMs, failure });
    return await locks.run(key, turn.signal, async () => {
      using deadline = this.deadline(failure);
      return await body(deadline);
    });
  }

  /** For something that is done under a lock which is held already. */
  deadline(failure: string): Deadline {
    return new Deadline({ timeoutMs: this.#context.settings.stopTimeoutMs, failure });
  }

  /** Nobody was there to be told: all sessions of the key hear of it. */
  tellFailed(key: string, error: unknown): void {
    const { registry, events } = this.#context;
    const ids: (string | null)[] = registry.established(key).map(({ id }) => id);
    for (const sessionId of ids.length > 0 ? ids : [null]) {
      events.emit({ type: "stop-failed", sessionId, key, error });
    }
  }
}
