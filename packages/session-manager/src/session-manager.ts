import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type {
  ManagedSandbox,
  MemoryBudget,
  OperationOptions,
  Sandbox,
} from "@carrel/backend-protocol";
import { EventStream } from "./event-stream.ts";
import type { EventStreamOptions } from "./event-stream.ts";
import { ManagerParts } from "./manager-parts.ts";
import type { OpenSession } from "./open-session.ts";
import type { RecoverOptions, RecoveryReport } from "./recovery.ts";
import { SessionAccess } from "./session-access.ts";
import type { SessionEventListener } from "./session-events.ts";
import { createSessionFacade } from "./session-facade.ts";
import type { ManagerLoad, SessionInfo } from "./session-info.ts";
import { assertUserId, createSessionId, isPossibleSessionId, shownId } from "./session-key.ts";
import {
  assertIdleTime,
  assertTimer,
  DEFAULT_CLEANUP_INTERVAL_MS,
} from "./session-manager-options.ts";
import type { CreateSessionOptions, SessionManagerOptions } from "./session-manager-options.ts";

/**
 * Whose sandbox is it, and is it awake.
 *
 * A session gives somebody a sandbox; sessions of scope `user` share the one of their user. What
 * callers get is a view of it that outlives the sandbox: each call goes to the sandbox of the
 * moment, wakes or replaces it where it sleeps or died, and keeps it awake while it lasts. At most
 * one sandbox runs per key, also among managers of several processes on one provider.
 *
 * Every method throws `SandboxError`; after {@link SessionManager.shutdown}, `unavailable`.
 */
export class SessionManager implements AsyncDisposable {
  readonly #parts: ManagerParts;
  readonly #closing = new AbortController();
  readonly #closed = new AbortController();
  #shutdown: Promise<number> | null = null;

  /** @throws `invalid-argument` where a number in the options cannot be meant */
  constructor(options: SessionManagerOptions) {
    this.#parts = new ManagerParts(options, this.#closing.signal);
  }

  /**
   * Open a session and start its sandbox. Where that fails nothing is left of it.
   * @returns the session's id: `ses_` and 144 random bits; knowing it is no proof of whose it is
   * @throws `invalid-argument`, `capacity`, `timeout`, `aborted`, and what the provider throws
   */
  async createSession(options: CreateSessionOptions = {}): Promise<string> {
    const { userId, signal, onProgress } = options;
    const scope = options.scope ?? (userId === undefined ? "session" : "user");
    assertScope(scope);
    if (userId !== undefined) assertUserId("user id", userId);
    const id = createSessionId();
    const key = keyOf(id, options);
    this.#begin();
    const session = this.#parts.registry.add({ id, scope, userId: userId ?? null, key });
    const unfollow = onProgress && this.#parts.events.followStart(id, onProgress);
    try {
      await this.#parts.starter.open(session, signal);
    } finally {
      unfollow?.();
    }
    return id;
  }

  /**
   * The sandbox of an open session, awake as far as is known: a call on it wakes it where it is not.
   * What it returns stays good until the session ends.
   * @throws `not-found` where no such session is open, `timeout`, `aborted`, and what the provider throws
   */
  async getSession(id: string, options: OperationOptions = {}): Promise<Sandbox> {
    const session = await this.#lookup(id);
    const sandbox =
      session &&
      (this.#hit(session, options) ?? (await this.#parts.starter.visit(session, options.signal)));
    if (!session || !sandbox) throw notFound(id);
    return this.#facade(session, sandbox);
  }

  /**
   * The sandbox of a user, awake as far as is known: of the session whose id is the key itself,
   * opened if needed. It is the sandbox that all sessions of this user share.
   * @throws as `createSession`
   */
  async getOrCreate(key: string, options: OperationOptions = {}): Promise<Sandbox> {
    assertUserId("key", key);
    const { registry, starter } = this.#parts;
    for (;;) {
      this.#begin();
      const session =
        registry.get(key) ?? registry.add({ id: key, key, userId: key, scope: "user" });
      const sandbox = this.#hit(session, options) ?? (await starter.open(session, options.signal));
      // Without one the session ended while this caller waited, and is to be opened anew.
      if (!sandbox) continue;
      session.used = true;
      return this.#facade(session, sandbox);
    }
  }

  /**
   * End a session: its id is no longer valid, and calls on its sandbox throw `gone`. With the last
   * session of a key the sandbox stops, whatever runs in it. Files of a user are kept; those of a
   * session of scope `session` are deleted with it. Where another manager uses the sandbox that one
   * does both, within some seconds.
   *
   * Where that fails the error is thrown, and the session stays in state `ending`: call it again,
   * or leave it to the next clean-up.
   * @returns `false` where no such session is open
   */
  async endSession(id: string): Promise<boolean> {
    const session = await this.#lookup(id);
    return session !== null && this.#parts.ender.end(session, "asked");
  }

  /**
   * End the session that `getOrCreate` opened. Other sessions of the same user go on.
   * @throws as `endSession`, and `invalid-argument`
   */
  async release(key: string): Promise<boolean> {
    assertUserId("key", key);
    return this.endSession(key);
  }

  /**
   * Delete all that a user has: all sessions, the sandbox with its files, and what the store knows
   * of them, its log included. Keep the user from opening sessions meanwhile. Waits while another manager uses the
   * sandbox, which notices the ends within some seconds.
   * @returns `false` where there was nothing
   * @throws `invalid-argument`, `timeout`, `aborted`, `unavailable`, and what the provider throws; call it again then
   */
  async purge(userId: string, options: OperationOptions = {}): Promise<boolean> {
    assertUserId("user id", userId);
    this.#begin();
    const { purge, sync } = this.#parts;
    return purge.run(userId, { ...options, flushLog: () => sync.flush() });
  }

  /**
   * Put to sleep the sandboxes that nobody used for that long: they are stopped, their files and
   * sessions stay. Those that nobody used for `pauseAfterMs` are frozen in memory, where they can
   * be. Sessions that reached `maxLifetimeMs` are ended, and those whose sandbox sleeps already and
   * that nobody used for `sessionRetentionMs`, whoever opened them, or for an hour since they were opened
   * if their user has more than half of the sessions of one user; then what is over by
   * `containerRetentionMs` and `workspaceRetentionMs`, whatever `maxIdleMs` is. What cannot be
   * stopped or deleted is reported by the event `stop-failed`, stays listed, and is tried again by
   * the next call. Ends that failed are tried again as well.
   * @param maxIdleMs `0`: all that nobody works in now. @default `idleTimeoutMs`
   * @returns how many sessions fell asleep or ended
   */
  async cleanupIdle(
    maxIdleMs: number = this.#parts.context.settings.idleTimeoutMs,
  ): Promise<number> {
    this.#begin();
    assertIdleTime("maxIdleMs", maxIdleMs);
    return this.#parts.cleanUp(maxIdleMs, this.#closing.signal);
  }

  /**
   * Look after what managers left that ended without saying so: adopt sandboxes that are in memory
   * and belong to an open session, close sessions whose opening was cut short, and stop or delete
   * sandboxes that no session is open for. What a manager that lives looks after is left alone, and
   * so is what sleeps. Call it at the start, with a store that all managers of the provider share;
   * users can be served meanwhile. It looks once more by itself after half a minute, for what an
   * engine was still making, and then in each pass of the clean-up loop.
   * @throws what listing the sandboxes and the sessions throws
   */
  async recover(options: RecoverOptions = {}): Promise<RecoveryReport> {
    this.#begin();
    return this.#parts.recover(options);
  }

  /**
   * Run {@link SessionManager.cleanupIdle} again and again, a pause after each, also after one that
   * failed. Does nothing where the loop runs. Its timer does not keep the process alive.
   * @param intervalMs the pause. @default {@link DEFAULT_CLEANUP_INTERVAL_MS}
   */
  startCleanupLoop(intervalMs: number = DEFAULT_CLEANUP_INTERVAL_MS): void {
    this.#closing.signal.throwIfAborted();
    assertTimer("intervalMs", intervalMs);
    this.#parts.cleanupLoop.start(intervalMs);
  }

  /** End the loop. Resolves when no pass of it is under way. Does nothing where none runs. */
  stopCleanupLoop(): Promise<void> {
    return this.#parts.cleanupLoop.stop();
  }

  /**
   * Stop the clean-up loop and all sandboxes, also those that are worked in but for those that
   * another manager uses, and keep their files and sessions. Starts under way are broken off.
   * Idempotent; where a sandbox could not be stopped it throws `unavailable` with the errors in its
   * `cause`, and a further call tries those again. Then gives up all that this manager holds in the
   * store.
   * @returns how many sessions were stopped by this call
   */
  shutdown(): Promise<number> {
    this.#closing.abort(shutDownError());
    this.#shutdown ??= this.#stopAll().finally(() => {
      this.#shutdown = null;
    });
    return this.#shutdown;
  }

  /** The same as {@link SessionManager.shutdown}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** The active sessions: whose sandbox is resident, or whose end failed. A copy, made now. */
  get sessions(): ReadonlyMap<string, SessionInfo> {
    return new Map(this.#active().map((session) => [session.id, session.describe()]));
  }

  /** How many sessions are active; the size of {@link SessionManager.sessions}. */
  get sessionCount(): number {
    return this.#active().length;
  }

  /**
   * An open session, whoever opened it and whenever, or `null`. Wakes nothing; from then on this
   * manager has it.
   * @throws what the store throws
   */
  async find(id: string): Promise<SessionInfo | null> {
    return (await this.#lookup(id))?.describe() ?? null;
  }

  /** Whether this manager has such a session open, awake, asleep, or being opened or ended. */
  has(id: string): boolean {
    return this.#parts.registry.get(id) !== null;
  }

  /** The state of a session for which {@link SessionManager.has} is true, otherwise `null`. Wakes nothing. */
  describe(id: string): SessionInfo | null {
    return this.#parts.registry.get(id)?.describe() ?? null;
  }

  /**
   * Keep a session's sandbox from being put to sleep while somebody works with it, also between
   * two calls. It does not wake it, and it does not keep the session from being ended. Dispose of
   * it when the work is done; a second time does nothing.
   * @throws `not-found` where this manager has no such session open
   */
  lease(id: string): Disposable {
    this.#closing.signal.throwIfAborted();
    const session = this.#parts.registry.get(id);
    if (!session || session.ending) throw notFound(id);
    return { [Symbol.dispose]: session.hold() };
  }

  /** Be told what happens. @returns the function that ends the subscription */
  subscribe(listener: SessionEventListener): () => void {
    return this.#parts.events.subscribe(listener);
  }

  /**
   * What happens from now on, for one reader. One that is too slow misses the oldest events, and its
   * `dropped` counts them. Ends with the signal, and when the manager was shut down.
   */
  events(options: EventStreamOptions = {}): EventStream {
    return new EventStream(this.#parts.events, options, this.#closed.signal);
  }

  /**
   * What this process may keep in memory for the user of a session: for whoever keeps something for that
   * user beside the sandbox, such as an answer that is still being read. A session that this manager does
   * not know counts as one without a user id.
   */
  memoryOf(id: string): MemoryBudget {
    const slot = this.#parts.registry.get(id)?.slot;
    return slot ? slot.memory : this.memoryOfUser(null);
  }

  /** Returns the budget of a user. @param userId `null`: callers without a user id, who share one */
  memoryOfUser(userId: string | null): MemoryBudget {
    return this.#parts.budgets.of(userId);
  }

  /** How many events could not be written into the store's log, and never will be. */
  get unloggedEventCount(): number {
    return this.#parts.log.lost;
  }

  /** How much there is to do now, for whoever watches. */
  get load(): ManagerLoad {
    const { admissions, registry } = this.#parts.context;
    return {
      knownSessions: registry.all().length,
      residentSandboxes: registry.slots().filter(({ resident }) => resident).length,
      runningStarts: admissions.running,
      waitingStarts: admissions.waiting,
    };
  }

  #active(): OpenSession[] {
    return this.#parts.registry
      .all()
      .filter(({ established, ending, slot }) => established && (slot.resident || ending));
  }

  #begin(): void {
    this.#closing.signal.throwIfAborted();
    this.#parts.begin();
  }

  /** The sandbox where it is live; this counts as a use of it. */
  #hit(session: OpenSession, { signal }: OperationOptions): ManagedSandbox | null {
    const startedAt = performance.now();
    const { starter } = this.#parts;
    const sandbox = starter.live(session);
    if (!sandbox) return null;
    throwIfAborted(signal);
    session.hold()();
    starter.noteHit(session, performance.now() - startedAt);
    return sandbox;
  }

  /** A session that is open: in memory, or in the store, where another manager opened it. */
  async #lookup(id: string): Promise<OpenSession | null> {
    this.#begin();
    const { registry, starter } = this.#parts;
    const known = registry.get(id);
    if (known || !isPossibleSessionId(id)) return known;
    const record = await starter.read(id);
    this.#closing.signal.throwIfAborted();
    return registry.get(id) ?? (record?.state === "open" ? registry.recall(record) : null);
  }

  #facade(session: OpenSession, sandbox: ManagedSandbox): Sandbox {
    const { starter, context } = this.#parts;
    const access = new SessionAccess({
      session,
      sandbox,
      live: (one) => starter.live(one),
      wake: (sleeper, signal) => starter.visit(sleeper, signal),
      closing: this.#closing.signal,
      statusTimeoutMs: context.settings.startTimeoutMs,
    });
    return createSessionFacade(access, sandbox);
  }

  async #stopAll(): Promise<number> {
    const count = await this.#parts.stopAll();
    this.#closed.abort();
    return count;
  }
}

function assertScope(scope: string): void {
  if (scope === "user" || scope === "session") return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `The scope must be "user" or "session", not ${shownId(scope)}.`,
  });
}

function keyOf(id: string, { userId, scope }: CreateSessionOptions): string {
  if (scope === "session") return id;
  if (userId !== undefined) return userId;
  if (scope === undefined) return id;
  throw new SandboxError({
    code: "invalid-argument",
    message: 'A session of scope "user" needs a userId.',
  });
}

function notFound(id: string): SandboxError {
  return new SandboxError({
    code: "not-found",
    message: `No session ${shownId(id)} is open. Open one, or check the id.`,
  });
}

function shutDownError(): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The session manager was shut down. Make another one.",
  });
}
