import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox } from "@carrel/backend-protocol";
import type { Admission } from "./admission-queue.ts";
import { capacityError } from "./capacity-error.ts";
import { Deadline } from "./deadline.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import type { OpenSession } from "./open-session.ts";
import { withinStoreTime } from "./residency.ts";
import type { RoomFinder } from "./room-finder.ts";
import type { SandboxSlot, Wakening } from "./sandbox-slot.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import type { SessionEnder } from "./session-ender.ts";
import type { AcquirePath } from "./session-events.ts";
import type { SessionProgress } from "./session-info.ts";
import { codeOf } from "./session-log.ts";
import { shareOf } from "./session-store.ts";
import type { SessionRecord } from "./session-store.ts";
import { Tally } from "./tally.ts";

const PATHS: Readonly<Record<Wakening, AcquirePath>> = {
  running: "hit",
  claimed: "warm",
  woken: "wake",
  created: "cold",
  replaced: "cold",
};

/**
 * Callers of one user who may wait for sandboxes, one or several, beside one who is served; one more is `capacity`. Each takes some
 * kilobytes and a timer.
 */
const MAX_WAITING_CALLERS = 1000;

interface Acquired {
  sandbox: ManagedSandbox;
  path: AcquirePath;
}

export interface SandboxStarterOptions {
  stopper: SandboxStopper;
  ender: SessionEnder;
  rooms: RoomFinder;
}

/** Opens sessions, and makes their sandboxes run. */
export class SandboxStarter {
  readonly #context: LifecycleContext;
  readonly #stopper: SandboxStopper;
  readonly #ender: SessionEnder;
  readonly #rooms: RoomFinder;
  /** How many callers of each user wait for a sandbox, by share. */
  readonly #callers = new Tally();

  constructor(context: LifecycleContext, { stopper, ender, rooms }: SandboxStarterOptions) {
    this.#context = context;
    this.#stopper = stopper;
    this.#ender = ender;
    this.#rooms = rooms;
  }

  /** A session's record in the store. */
  read(id: string): Promise<SessionRecord | null> {
    return withinStoreTime(() => this.#context.store.get(id));
  }

  /**
   * The sandbox of an open session, where calls may go to it without asking anybody: it ran when
   * it was last heard of, and no other manager can have put it to sleep. Waits for nothing.
   */
  live(session: OpenSession): ManagedSandbox | null {
    if (!session.established || session.closed || session.ending) return null;
    return this.#liveSandbox(session.slot);
  }

  /** A caller got a live sandbox. */
  noteHit({ id: sessionId, key }: OpenSession, durationMs: number): void {
    this.#context.events.emit({ type: "acquired", sessionId, key, path: "hit", durationMs });
  }

  /**
   * Open a session, or wake one that is open.
   * @returns `null` where it ended while this waited
   */
  open(session: OpenSession, signal: AbortSignal | undefined): Promise<ManagedSandbox | null> {
    return this.#enter(session, signal, async (deadline, askedAt) => {
      if (session.closed) return null;
      if (session.ending) {
        // An end that failed is called off: somebody wants the session again. Nobody knows whether
        // the store has ended it.
        session.ending = false;
        session.established = false;
      }
      const got = await this.#start(session, deadline, askedAt);
      if (got) return got;
      session.established = false;
      return this.#start(session, deadline, askedAt);
    });
  }

  /**
   * Wake an open session.
   * @returns `null` where it is not open any more
   */
  visit(session: OpenSession, signal: AbortSignal | undefined): Promise<ManagedSandbox | null> {
    return this.#enter(session, signal, async (deadline, askedAt) => {
      if (session.closed || session.ending || !session.established) return null;
      const got = await this.#start(session, deadline, askedAt);
      // The stop waits for the lock that is held here, so not for it.
      if (!got) void this.#ender.forget(session);
      return got;
    });
  }

  async #enter(
    session: OpenSession,
    signal: AbortSignal | undefined,
    body: (deadline: Deadline, askedAt: number) => Promise<Acquired | null>,
  ): Promise<ManagedSandbox | null> {
    const { settings, closing, locks, events } = this.#context;
    const { id: sessionId, key } = session;
    const askedAt = performance.now();
    using deadline = new Deadline({
      timeoutMs: settings.startTimeoutMs,
      failure: `The sandbox of session ${JSON.stringify(sessionId)} did not start`,
      signal,
      closing,
    });
    session.openers += 1;
    const share = shareOf(session.slot.userId);
    const isCrowded = this.#callers.of(share) > MAX_WAITING_CALLERS;
    const leave = this.#callers.add(share);
    // Whoever waits for the sandbox counts as using it, so that clean-up passes it by.
    const release = session.hold({ isUse: session.established });
    try {
      if (isCrowded) throw this.#crowded();
      const got = await locks.run(key, deadline.signal, () => body(deadline, askedAt));
      if (!got) return null;
      const durationMs = performance.now() - askedAt;
      events.emit({ type: "acquired", sessionId, key, path: got.path, durationMs });
      return got.sandbox;
    } catch (error) {
      const durationMs = performance.now() - askedAt;
      const code = codeOf(error);
      events.emit({ type: "start-failed", sessionId, key, code, durationMs, error });
      throw error;
    } finally {
      leave();
      release();
      session.openers -= 1;
      if (!session.established && session.openers === 0) await this.#ender.abandon(session);
    }
  }

  /**
   * Under the lock: the session's sandbox, running, and the session open.
   * @returns `null` where it was open before, and another manager ended it
   */
  async #start(
    session: OpenSession,
    deadline: Deadline,
    askedAt: number,
  ): Promise<Acquired | null> {
    const { admissions } = this.#context;
    const { slot } = session;
    // The place is taken before anything is waited for, so that the first to come is the first to start. The store is
    // asked only at its turn: what waits costs nobody else anything.
    using place = this.#liveSandbox(slot) ? null : admissions.enter(deadline.signal, slot.userId);
    const waiting = place?.queued === true;
    if (waiting) this.#progress(slot, { phase: "queued" });
    try {
      if (waiting) await deadline.run(() => place.admitted);
      await this.#reserve(session, deadline);
    } finally {
      if (waiting) slot.showProgress(null);
    }
    const got = await this.#wake(session, deadline, place);
    if (got) await this.#establish(session, deadline, askedAt);
    return got;
  }

  /** Under the lock: a place among the open sessions, before the provider is asked for anything. */
  async #reserve(session: OpenSession, deadline: Deadline): Promise<void> {
    if (session.established) return;
    const { store, settings, time } = this.#context;
    session.reserved = true;
    const opened = await deadline.run(
      () => store.open(session.identity, settings),
      () => {
        if (session.openers === 0 && !session.established) void this.#ender.abandon(session);
      },
    );
    if (opened.outcome === "full") {
      session.reserved = false;
      throw capacityError(opened.ceiling, settings, session.identity.userId);
    }
    session.isNew = opened.outcome === "opened";
    session.recall(opened.record, time.since(opened.record.lastUsedAt));
    session.touch();
  }

  /** Under the lock. */
  async #establish(session: OpenSession, deadline: Deadline, askedAt: number): Promise<void> {
    if (session.established) return;
    const { store, events } = this.#context;
    // Another manager may have taken the reservation for one that a crash left, or ended it.
    while (!(await deadline.run(() => store.establish(session.id)))) {
      await this.#reserve(session, deadline);
    }
    session.established = true;
    // Who opens it at the same time through another manager finds it, and does not tell of it too.
    if (!session.isNew) return;
    const { id: sessionId, key } = session;
    const durationMs = performance.now() - askedAt;
    events.emit({ type: "session-opened", sessionId, key, durationMs });
  }

  /** Under the lock. */
  async #wake(
    session: OpenSession,
    deadline: Deadline,
    place: Admission | null,
  ): Promise<Acquired | null> {
    const { slot } = session;
    const { store } = this.#context;
    const live = this.#liveSandbox(slot);
    if (live) return { sandbox: live, path: "hit" };
    try {
      await this.#rooms.acquire(slot, deadline, place);
      // Looked at only now: from here on no other manager can take the sandbox away and end it.
      if (session.established && !(await deadline.run(() => store.get(session.id)))) {
        if (!slot.resident) await this.#context.residencies.release(slot.key);
        return null;
      }
      const { sandbox, wakening } = await slot.ensureRunning({
        deadline,
        onProgress: (progress) => this.#tellProgress(slot, progress),
        onLate: (late) => void this.#stopper.stopLate(slot.key, slot.userId, late),
      });
      this.#tellWakening(slot, sandbox.id, wakening);
      return { sandbox, path: PATHS[wakening] };
    } catch (error) {
      if (!slot.readySandbox) await this.#stopper.discard(slot);
      throw error;
    }
  }

  #crowded(): SandboxError {
    return new SandboxError({
      code: "capacity",
      message: `${MAX_WAITING_CALLERS} calls of this user are waiting for sandboxes, which is all that may wait. Try again later.`,
      retryAfterMs: this.#context.admissions.expectedWaitMs,
    });
  }

  #liveSandbox({ key, readySandbox }: SandboxSlot): ManagedSandbox | null {
    return readySandbox && this.#context.residencies.holds(key) ? readySandbox : null;
  }

  #progress(slot: SandboxSlot, progress: SessionProgress): void {
    slot.showProgress(progress);
    this.#tellProgress(slot, progress);
  }

  #tellProgress({ key }: SandboxSlot, progress: SessionProgress): void {
    const { events, registry } = this.#context;
    for (const { id: sessionId } of registry.sharing(key)) {
      events.emit({ type: "start-progress", sessionId, key, ...progress });
    }
  }

  #tellWakening({ key }: SandboxSlot, sandboxId: string, wakening: Wakening): void {
    const { events, registry, residencies } = this.#context;
    if (wakening !== "running") residencies.record(key, "running", sandboxId);
    for (const { id: sessionId } of registry.established(key)) {
      if (wakening === "woken") events.emit({ type: "session-woken", sessionId, key });
      if (wakening === "replaced") {
        events.emit({ type: "sandbox-replaced", sessionId, key, sandboxId });
      }
    }
  }
}
