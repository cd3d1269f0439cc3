import { SandboxError } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import type { OpenSession } from "./open-session.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import type { EndReason } from "./session-events.ts";
import { isSessionKey } from "./session-key.ts";
import { shareOf } from "./session-store.ts";
import type { Tally } from "./tally.ts";
import type { Turns } from "./turns.ts";
import { writeUses } from "./write-uses.ts";

/** Sessions that share one sandbox, as the store lists them at once. */
export const MAX_LISTED = 1000;

/** Callers who may wait for the sandbox of a session to end it; one more is `capacity`. */
const MAX_WAITING_ENDS = 1000;
const CROWDED_RETRY_MS = 5000;

/** Reservations that are remembered to be given back; a recovery finds those beyond. */
const MAX_UNCLOSED = 10_000;

// The store's times lag behind by what is written in batches, and machines disagree by some seconds.
const STORE_LAG_MS = 60_000;

/**
 * Age at which clean-up ends a session that was never used, if its user has more than half of the sessions that
 * one user may have. Nothing is lost with it but its id.
 */
const NEVER_USED_RETENTION_MS = 3_600_000;

export interface SessionEnderOptions {
  stopper: SandboxStopper;
  turns: Turns;
}

/** Ends sessions, and forgets those that ended elsewhere or never came to be. */
export class SessionEnder {
  readonly #context: LifecycleContext;
  readonly #stopper: SandboxStopper;
  readonly #turns: Turns;
  /** Openings that failed, and whose reservations could not be given back yet. */
  readonly #unclosed = new Set<OpenSession>();
  /** Shares that had more than half of their sessions open when all were last counted. */
  #crowded: ReadonlySet<string> = new Set();

  constructor(context: LifecycleContext, { stopper, turns }: SessionEnderOptions) {
    this.#context = context;
    this.#stopper = stopper;
    this.#turns = turns;
  }

  /**
   * Ends it at its turn among the ends of all sessions, in which users alternate.
   * @returns `false` if it had ended already
   */
  async end(session: OpenSession, reason: EndReason): Promise<boolean> {
    const { settings, locks, ends } = this.#context;
    const { id, key, slot } = session;
    const failure = `The session ${JSON.stringify(id)} could not be ended`;
    if (reason === "asked" && locks.waiting(key) >= MAX_WAITING_ENDS) throw crowded();
    // The holder of the lock may be starting the sandbox, and others end theirs.
    using waiting = new Deadline({ timeoutMs: settings.startTimeoutMs, failure });
    return await locks.run(key, waiting.signal, async () => {
      if (session.closed) return false;
      const place = ends.enter(shareOf(slot.userId), waiting.signal);
      try {
        await place.admitted;
        using deadline = this.#turns.deadline(failure);
        return await this.endNow(session, reason, deadline);
      } finally {
        place.leave();
      }
    });
  }

  /**
   * Under the lock. Where its workspace goes with it or its sandbox is to stop, no other manager can
   * begin to use that before the session is closed. One whose reason is that nobody used it goes on
   * where another manager uses it.
   */
  async endNow(session: OpenSession, reason: EndReason, deadline: Deadline): Promise<boolean> {
    if (session.closed || !session.established) return false;
    const { slot, key } = session;
    session.endFailed = session.ending;
    session.ending = true;
    const ownWorkspace = session.identity.scope === "session";
    const shared = !ownWorkspace && (await this.#isShared(session, deadline));
    const close = (): Promise<void> => this.#close(session, reason, deadline);
    let taken = true;
    if (ownWorkspace) taken = await this.#stopper.remove(slot, deadline, close);
    else if (!shared && (slot.resident || !slot.sandbox)) {
      taken = await this.#stopper.stop(slot, deadline, close);
    }
    if (!taken && reason === "unused") {
      session.ending = false;
      return false;
    }
    if (!session.closed) await close();
    if (!ownWorkspace) return session.ended;
    // From here on the other manager finds the session closed when it lets go; it may have just done so.
    if (!taken) await this.#stopper.removeUnreached(slot, deadline, { asked: true });
    // Where the other one is to delete the files, it has to find them on record.
    else await this.#forgetWorkspace(key, deadline);
    return session.ended;
  }

  async #close(session: OpenSession, reason: EndReason, deadline: Deadline): Promise<void> {
    const { store, registry, events } = this.#context;
    const { id: sessionId, key } = session;
    await writeUses(store, [session], deadline);
    session.ended = (await deadline.run(() => store.close(sessionId))) || session.endFailed;
    registry.forget(session);
    if (session.ended) events.emit({ type: "session-ended", sessionId, key, reason });
  }

  /** The files are gone; that the store still knows of them harms nobody, and recovery looks again. */
  async #forgetWorkspace(key: string, deadline: Deadline): Promise<void> {
    const { store, events } = this.#context;
    try {
      await deadline.run(() => store.forgetWorkspace(key));
    } catch (error) {
      events.emit({ type: "store-failed", error });
    }
  }

  /** Under the lock: try again the ends that failed. */
  async finishEnds(slot: SandboxSlot, deadline: Deadline): Promise<number> {
    let count = 0;
    for (const session of this.endingOf(slot)) {
      if (await this.endNow(session, "asked", deadline)) count += 1;
    }
    return count;
  }

  endingOf({ key }: SandboxSlot): OpenSession[] {
    return this.#context.registry.established(key).filter(({ ending }) => ending);
  }

  /** All open sessions were counted. @param count of a share */
  noteOpen(count: Tally): void {
    this.#crowded = new Set(count.above(this.#softShare));
  }

  /** How long a session is kept that nobody uses. */
  retentionMs({ used, userId }: { used: boolean; userId: string | null }): number {
    const { sessionRetentionMs } = this.#context.settings;
    const isSpare = !used && this.#crowded.has(shareOf(userId));
    // If sessions are kept for ever, these are too.
    if (!isSpare || sessionRetentionMs === Number.POSITIVE_INFINITY) return sessionRetentionMs;
    return Math.min(sessionRetentionMs, NEVER_USED_RETENTION_MS);
  }

  get #softShare(): number {
    return this.#context.settings.maxOpenSessionsPerUser / 2;
  }

  forgottenOf({ key }: SandboxSlot): OpenSession[] {
    const { registry } = this.#context;
    return registry.established(key).filter((session) => this.#isForgotten(session));
  }

  #isForgotten(session: OpenSession): boolean {
    const { used, identity } = session;
    return session.isForgotten(this.retentionMs({ used, userId: identity.userId }));
  }

  /** Under the lock: end the sessions that nobody used for as long as sessions are kept. */
  async expire(slot: SandboxSlot, deadline: Deadline): Promise<number> {
    const forgotten = this.forgottenOf(slot);
    if (forgotten.length === 0) return 0;
    if (await slot.runsElsewhere(deadline)) return 0;
    let count = 0;
    for (const session of forgotten) {
      if (await this.#isToStay(session, deadline)) continue;
      // Somebody may have come meanwhile. After this look nobody can: the end begins in the same step.
      if (!this.#isForgotten(session)) continue;
      if (await this.endNow(session, "unused", deadline)) count += 1;
    }
    return count;
  }

  /** Drop a session that is not to be ended, because it ended elsewhere. */
  async forget(session: OpenSession): Promise<void> {
    this.#context.registry.forget(session);
    await this.#stopUnowned(session.slot);
  }

  /** Drop a session whose opening failed, with its reservation. Never throws. */
  async abandon(session: OpenSession): Promise<void> {
    const { registry } = this.#context;
    registry.forget(session);
    if (session.reserved) {
      try {
        await this.#giveBack(session);
      } catch (error) {
        this.#context.events.emit({ type: "store-failed", error });
        if (this.#unclosed.size < MAX_UNCLOSED) this.#unclosed.add(session);
      }
    }
    await this.#stopUnowned(session.slot);
  }

  /** Try again to give reservations back. @throws what the store throws */
  async finishAbandoned(): Promise<void> {
    for (const session of this.#unclosed) {
      await this.#giveBack(session);
      this.#unclosed.delete(session);
    }
  }

  #giveBack(session: OpenSession): Promise<void> {
    const failure = `The place of session ${JSON.stringify(session.id)} could not be given back`;
    return this.#turns.take(session.key, failure, (deadline) =>
      this.#closeReservation(session, deadline),
    );
  }

  /** Under the lock. */
  async #closeReservation({ id, key, slot }: OpenSession, deadline: Deadline): Promise<void> {
    const { store, registry, residencies } = this.#context;
    if (registry.get(id)) return;
    const work = async (): Promise<null> => {
      const record = await deadline.run(() => store.get(id));
      if (record?.state === "opening") await deadline.run(() => store.close(id));
      return null;
    };
    // Nobody else knows such an id. Any other may be about to be opened by another manager as well,
    // which holds the key then, or waits until this is over.
    if (isSessionKey(id)) await work();
    else await residencies.change(key, deadline, { work, keeps: () => slot.resident });
  }

  async #stopUnowned(slot: SandboxSlot): Promise<void> {
    const { registry } = this.#context;
    if (slot.resident && registry.sharing(slot.key).length === 0) {
      await this.#stopper.stopUnowned(slot);
    }
  }

  /** Whether other sessions of the key go on, also such as this manager did not know of. */
  async #isShared(session: OpenSession, deadline: Deadline): Promise<boolean> {
    const { store, registry } = this.#context;
    const { key } = session;
    const records = await deadline.run(() => store.list({ key, limit: MAX_LISTED }));
    for (const record of records) if (record.state === "open") registry.recall(record);
    return registry.sharing(key).some((other) => other !== session && !other.ending);
  }

  /** Whether it was used elsewhere, or is kept longer because its user has few by now. */
  async #isToStay(session: OpenSession, deadline: Deadline): Promise<boolean> {
    const { store, settings, time } = this.#context;
    const record = await deadline.run(() => store.get(session.id));
    if (!record) return false;
    const unusedMs = time.since(record.lastUsedAt) + STORE_LAG_MS;
    if (unusedMs >= settings.sessionRetentionMs) return false;
    if (session.used) return true;
    session.used = record.lastUsedAt !== record.createdAt;
    return session.used || (await this.#hasFew(record.userId, deadline));
  }

  async #hasFew(userId: string | null, deadline: Deadline): Promise<boolean> {
    const { store } = this.#context;
    return (await deadline.run(() => store.count(userId))) <= this.#softShare;
  }
}

function crowded(): SandboxError {
  return new SandboxError({
    code: "capacity",
    message: `${MAX_WAITING_ENDS} calls are waiting for this sandbox, which is all that may wait. Try again later.`,
    retryAfterMs: CROWDED_RETRY_MS,
  });
}
