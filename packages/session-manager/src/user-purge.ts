import { SandboxError } from "@carrel/backend-protocol";
import type { OperationOptions } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import { everySession } from "./every-session.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { pause } from "./pause.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import type { SessionEnder } from "./session-ender.ts";
import { MAX_PRUNED_EVENTS } from "./session-store.ts";
import type { Turns } from "./turns.ts";

// How often another manager is waited for that has the sandbox: it notices the ends by itself.
const RETRY_DELAY_MS = 200;

export interface UserPurgeOptions {
  ender: SessionEnder;
  stopper: SandboxStopper;
  turns: Turns;
}

export interface PurgeOptions extends OperationOptions {
  /** Writes what is still to be logged, which would be written after the rest was deleted. */
  flushLog: () => Promise<void>;
}

/** Deletes all that a user has: sessions, the sandbox and its files, and the log's lines of them. */
export class UserPurge {
  readonly #context: LifecycleContext;
  readonly #options: UserPurgeOptions;

  constructor(context: LifecycleContext, options: UserPurgeOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** @returns whether there was anything */
  async run(userId: string, { signal, flushLog }: PurgeOptions): Promise<boolean> {
    const { settings, store } = this.#context;
    using deadline = new Deadline({
      timeoutMs: settings.startTimeoutMs,
      failure: `The data of user ${JSON.stringify(userId)} could not be deleted`,
      signal,
    });
    const isKnown = (await deadline.run(() => store.workspace(userId))) !== null;
    const keys = new Set([userId]);
    const ended = await this.#endSessions(userId, keys, deadline);
    const removed = await this.#removeWorkspace(userId, isKnown || ended > 0, deadline);
    await deadline.run(flushLog);
    const forgotten = await this.#forgetEvents(keys, deadline);
    return isKnown || ended > 0 || removed || forgotten > 0;
  }

  /** @param keys receives those of the sessions */
  async #endSessions(userId: string, keys: Set<string>, deadline: Deadline): Promise<number> {
    const { store, registry } = this.#context;
    let count = 0;
    for await (const record of everySession(store, { userId })) {
      deadline.signal.throwIfAborted();
      keys.add(record.key);
      if (record.state === "open") {
        count += Number(await this.#options.ender.end(registry.recall(record), "purged"));
      } else if (!registry.get(record.id)) {
        // A crash left it, or another manager opens it just now: that one finds it closed.
        count += Number(await deadline.run(() => store.close(record.id)));
      }
    }
    return count;
  }

  async #forgetEvents(keys: Iterable<string>, deadline: Deadline): Promise<number> {
    const { store } = this.#context;
    let count = 0;
    for (const key of keys) {
      for (;;) {
        const forgotten = await deadline.run(() => store.forgetEvents(key));
        count += forgotten;
        if (forgotten < MAX_PRUNED_EVENTS) break;
      }
    }
    return count;
  }

  async #removeWorkspace(userId: string, isKnown: boolean, deadline: Deadline): Promise<boolean> {
    for (;;) {
      const removed = await this.#tryToRemove(userId, isKnown);
      if (removed !== null) return removed;
      await pause(deadline, RETRY_DELAY_MS);
    }
  }

  /** @returns whether there was something, or `null` where it is still in use */
  async #tryToRemove(userId: string, isKnown: boolean): Promise<boolean | null> {
    const { registry, provider, events, store } = this.#context;
    const { turns, stopper } = this.#options;
    const failure = "The workspace could not be deleted";
    return turns.take(userId, failure, async (deadline) => {
      const slot = registry.slotOf(userId, userId);
      const existed = await deadline.run((signal) =>
        provider.find(userId, { signal, memory: slot.memory }),
      );
      if (await stopper.removeUnreached(slot, deadline, { asked: true })) {
        if (existed === null && !isKnown) return false;
        events.emit({ type: "workspace-deleted", key: userId, reason: "purged" });
        return true;
      }
      registry.prune(userId);
      const [session] = await deadline.run(() => store.list({ key: userId, limit: 1 }));
      if (session) throw reopened(userId);
      return null;
    });
  }
}

function reopened(userId: string): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: `The user ${JSON.stringify(userId)} opened another session meanwhile. Keep the user from that, then try again.`,
    retryAfterMs: 1000,
  });
}
