import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox, OperationOptions, Sandbox } from "@carrel/backend-protocol";
import { CleanupLoop } from "./cleanup-loop.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { SandboxStarter } from "./sandbox-starter.ts";
import { SandboxStopper } from "./sandbox-stopper.ts";
import { SessionAccess } from "./session-access.ts";
import { SessionEvents } from "./session-events.ts";
import type { SessionEventListener } from "./session-events.ts";
import { createSessionFacade } from "./session-facade.ts";
import type { SessionInfo } from "./session-info.ts";
import { assertUserId, createSessionId, isPossibleSessionId } from "./session-key.ts";
import {
  assertIdleTime,
  assertTimer,
  DEFAULT_CLEANUP_INTERVAL_MS,
  readOptions,
} from "./session-manager-options.ts";
import type { CreateSessionOptions, SessionManagerOptions } from "./session-manager-options.ts";
import type { OpenSession } from "./open-session.ts";
import { SessionRegistry } from "./session-registry.ts";
import type { SessionRecord } from "./session-store.ts";

// Open sessions end when their users end them, which nobody can foresee.
const CAPACITY_RETRY_MS = 30_000;

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
  readonly #options: Readonly<Required<SessionManagerOptions>>;
  readonly #registry: SessionRegistry;
  readonly #starter: SandboxStarter;
  readonly #stopper: SandboxStopper;
  readonly #events = new SessionEvents();
  readonly #closing = new AbortController();
  readonly #cleanupLoop: CleanupLoop;
  #shutdown: Promise<number> | null = null;

  /** @throws `invalid-argument` where a number in the options cannot be meant */
  constructor(options: SessionManagerOptions) {
    this.#options = readOptions(options);
    this.#registry = new SessionRegistry(this.#options);
    const context = {
      ...this.#options,
      registry: this.#registry,
      events: this.#events,
      locks: new KeyedLock(),
      closing: this.#closing.signal,
    };
    this.#stopper = new SandboxStopper(context);
    this.#starter = new SandboxStarter(context, this.#stopper);
    this.#cleanupLoop = new CleanupLoop({
      pass: (signal) => this.#stopper.cleanup(this.#options.idleTimeoutMs, signal),
      onFailure: (error) => this.#events.emit({ type: "cleanup-failed", error }),
    });
  }

  /**
   * Open a session and start its sandbox. Where that fails nothing is left of it.
   * @returns the session's id: `ses_` and 144 random bits; knowing it is no proof of whose it is
   * @throws `invalid-argument`, `capacity`, `timeout`, `aborted`, and what the provider throws
   */
  async createSession(options: CreateSessionOptions = {}): Promise<string> {
    const { userId, signal } = options;
    const scope = options.scope ?? (userId === undefined ? "session" : "user");
    if (userId !== undefined) assertUserId("user id", userId);
    const id = createSessionId();
    const session = this.#reserve({ id, scope, userId: userId ?? null, key: keyOf(id, options) });
    await this.#starter.open(session, signal);
    return id;
  }

  /**
   * The sandbox of an open session, awake. What it returns stays good until the session ends.
   * @throws `not-found` where no such session is open, `timeout`, `aborted`, and what the provider throws
   */
  async getSession(id: string, options: OperationOptions = {}): Promise<Sandbox> {
    const session = await this.#lookup(id);
    const sandbox = session && (await this.#starter.visit(session, options.signal));
    if (!session || !sandbox) throw notFound(id);
    return this.#facade(session, sandbox);
  }

  /**
   * The sandbox of a user, awake: of the session whose id is the key itself, opened if needed. It
   * is the sandbox that all sessions of this user share.
   * @throws as `createSession`
   */
  async getOrCreate(key: string, options: OperationOptions = {}): Promise<Sandbox> {
    assertUserId("key", key);
    for (;;) {
      const session =
        (await this.#lookup(key)) ??
        this.#registry.get(key) ??
        this.#reserve({ id: key, key, userId: key, scope: "user" });
      const sandbox = await this.#starter.open(session, options.signal);
      // Without one the session ended while this caller waited, and is to be opened anew.
      if (sandbox) return this.#facade(session, sandbox);
    }
  }

  /**
   * End a session: its id is no longer valid, and calls on its sandbox throw `gone`. With the last
   * session of a key the sandbox stops, whatever runs in it. Files of a user are kept; those of a
   * session of scope `session` are deleted with it.
   *
   * Where that fails the error is thrown, and the session stays in state `ending`: call it again,
   * or leave it to the next clean-up.
   * @returns `false` where no such session is open
   */
  async endSession(id: string): Promise<boolean> {
    const session = await this.#lookup(id);
    return session !== null && this.#stopper.end(session);
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
   * Put to sleep the sandboxes that nobody used for that long: they are stopped, their files and
   * sessions stay. Sessions whose sandbox sleeps already and that nobody used for
   * `sessionRetentionMs` are ended, whatever `maxIdleMs` is. One that cannot be stopped is reported by the event `stop-failed`, stays listed,
   * and is tried again by the next call. Ends that failed are tried again as well.
   * @param maxIdleMs `0`: all that nobody works in now. @default `idleTimeoutMs`
   * @returns how many sessions fell asleep or ended
   */
  async cleanupIdle(maxIdleMs: number = this.#options.idleTimeoutMs): Promise<number> {
    this.#closing.signal.throwIfAborted();
    assertIdleTime("maxIdleMs", maxIdleMs);
    return this.#stopper.cleanup(maxIdleMs, this.#closing.signal);
  }

  /**
   * Run {@link SessionManager.cleanupIdle} again and again, a pause after each, also after one that
   * failed. Does nothing where the loop runs. Its timer does not keep the process alive.
   * @param intervalMs the pause. @default {@link DEFAULT_CLEANUP_INTERVAL_MS}
   */
  startCleanupLoop(intervalMs: number = DEFAULT_CLEANUP_INTERVAL_MS): void {
    this.#closing.signal.throwIfAborted();
    assertTimer("intervalMs", intervalMs);
    this.#cleanupLoop.start(intervalMs);
  }

  /** End the loop. Resolves when no pass of it is under way. Does nothing where none runs. */
  stopCleanupLoop(): Promise<void> {
    return this.#cleanupLoop.stop();
  }

  /**
   * Stop the clean-up loop and all sandboxes, also those that are worked in, and keep their files.
   * Starts under way are broken off. Idempotent; where a sandbox could not be stopped it throws
   * `unavailable` with the errors in its `cause`, and a further call tries those again.
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

  /** Whether this manager has such a session open, awake, asleep, or being opened or ended. */
  has(id: string): boolean {
    return this.#registry.get(id) !== null;
  }

  /** The state of a session for which {@link SessionManager.has} is true, otherwise `null`. Wakes nothing. */
  describe(id: string): SessionInfo | null {
    return this.#registry.get(id)?.describe() ?? null;
  }

  /**
   * Keep a session's sandbox from being put to sleep while somebody works with it, also between
   * two calls. It does not wake it, and it does not keep the session from being ended. Dispose of
   * it when the work is done; a second time does nothing.
   * @throws `not-found` where this manager has no such session open
   */
  lease(id: string): Disposable {
    this.#closing.signal.throwIfAborted();
    const session = this.#registry.get(id);
    if (!session || session.ending) throw notFound(id);
    return { [Symbol.dispose]: session.hold() };
  }

  /** Be told what happens. @returns the function that ends the subscription */
  subscribe(listener: SessionEventListener): () => void {
    return this.#events.subscribe(listener);
  }

  #active(): OpenSession[] {
    return this.#registry
      .all()
      .filter(({ established, ending, slot }) => established && (slot.resident || ending));
  }

  /** A session that is open: in memory, or in the store, where another manager opened it. */
  async #lookup(id: string): Promise<OpenSession | null> {
    this.#closing.signal.throwIfAborted();
    const known = this.#registry.get(id);
    if (known || !isPossibleSessionId(id)) return known;
    const record = await this.#starter.read(id);
    this.#closing.signal.throwIfAborted();
    return this.#registry.get(id) ?? (record && this.#registry.add(record, true));
  }

  /** Nothing waits between the look at the ceiling and the reservation: a burst cannot pass it. */
  #reserve(record: Omit<SessionRecord, "createdAt">): OpenSession {
    this.#closing.signal.throwIfAborted();
    const { maxOpenSessions } = this.#options;
    if (this.#registry.size >= maxOpenSessions) {
      throw new SandboxError({
        code: "capacity",
        message: `All ${maxOpenSessions} sessions are open. End one, or try again later.`,
        retryAfterMs: CAPACITY_RETRY_MS,
      });
    }
    return this.#registry.add({ ...record, createdAt: new Date().toISOString() }, false);
  }

  #facade(session: OpenSession, sandbox: ManagedSandbox): Sandbox {
    const access = new SessionAccess({
      session,
      sandbox,
      wake: (sleeper, signal) => this.#starter.visit(sleeper, signal),
      closing: this.#closing.signal,
      statusTimeoutMs: this.#options.startTimeoutMs,
    });
    return createSessionFacade(access, sandbox);
  }

  async #stopAll(): Promise<number> {
    await this.stopCleanupLoop();
    return this.#stopper.stopAll();
  }
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
  const shown = JSON.stringify(id.length > 80 ? `${id.slice(0, 80)}…` : id);
  return new SandboxError({
    code: "not-found",
    message: `No session ${shown} is open. Open one, or check the id.`,
  });
}

function shutDownError(): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The session manager was shut down. Make another one.",
  });
}
