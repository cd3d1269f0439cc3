import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import type { OpenSession } from "./open-session.ts";

export interface SessionAccessOptions {
  session: OpenSession;
  /** The sandbox that the session has now. */
  sandbox: ManagedSandbox;
  /** The sandbox, where calls may go to it at once; otherwise `null`. */
  live: (session: OpenSession) => ManagedSandbox | null;
  /** Make sure that the sandbox runs, and return it; `null` where the session ended. */
  wake: (session: OpenSession, signal: AbortSignal | undefined) => Promise<ManagedSandbox | null>;
  /** Fires, with the error to throw, when the manager shuts down. */
  closing: AbortSignal;
  statusTimeoutMs: number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /**
   * Whether it may be done a second time where the sandbox was found asleep. Not so where a second
   * time could do something else than the first, and nobody can tell whether the first took effect.
   */
  repeatable: boolean;
}

const MAX_ATTEMPTS = 2;

/** The way from a session to its sandbox of the moment. */
export class SessionAccess {
  readonly #session: OpenSession;
  readonly #first: ManagedSandbox;
  readonly #live: SessionAccessOptions["live"];
  readonly #wake: SessionAccessOptions["wake"];
  readonly #closing: AbortSignal;
  readonly #statusTimeoutMs: number;

  constructor({ session, sandbox, live, wake, closing, statusTimeoutMs }: SessionAccessOptions) {
    this.#session = session;
    this.#first = sandbox;
    this.#live = live;
    this.#wake = wake;
    this.#closing = closing;
    this.#statusTimeoutMs = statusTimeoutMs;
  }

  /** The sandbox last used, awake or not; the first one where it was deleted since. */
  get sandbox(): ManagedSandbox {
    return this.#session.slot.sandbox ?? this.#first;
  }

  /** Keep the sandbox awake until the returned function is called. */
  hold(): () => void {
    return this.#session.hold();
  }

  /**
   * Do something in the sandbox, awake for as long as it takes.
   * @throws what the sandbox throws, except that it is not running; `gone` where the session ended
   */
  async call<T>(
    operation: (sandbox: ManagedSandbox) => Promise<T>,
    { signal, repeatable }: CallOptions,
  ): Promise<T> {
    const { slot } = this.#session;
    this.#assertUsable();
    const release = this.hold();
    try {
      for (let attempt = 1; ; attempt++) {
        const sandbox = await this.#awake(signal, !repeatable);
        const { wakenings } = slot;
        try {
          return await operation(sandbox);
        } catch (error) {
          if (!(await this.#foundDown(error, sandbox, wakenings))) throw error;
          slot.distrust(wakenings);
          this.#assertUsable();
          if (!repeatable || attempt === MAX_ATTEMPTS) throw this.#interrupted(repeatable, error);
        }
      }
    } finally {
      release();
    }
  }

  async #awake(signal: AbortSignal | undefined, verify: boolean): Promise<ManagedSandbox> {
    const { slot } = this.#session;
    const live = this.#live(this.#session);
    const { wakenings } = slot;
    if (live && (!verify || (await this.#isRunning(live)))) return live;
    if (live) slot.distrust(wakenings);
    this.#assertUsable();
    const sandbox = await this.#wake(this.#session, signal);
    if (!sandbox) throw this.#gone();
    return sandbox;
  }

  /** Whether the error means that the sandbox did not run when it was called. */
  async #foundDown(error: unknown, sandbox: ManagedSandbox, wakenings: number): Promise<boolean> {
    if (!SandboxError.isInstance(error)) return false;
    if (error.code === "gone") return true;
    if (error.code !== "unavailable") return false;
    const running = await this.#isRunning(sandbox);
    const { slot } = this.#session;
    // Another caller may have found it down as well, and be waking it or have done so already.
    return !running || slot.readySandbox === null || slot.wakenings !== wakenings;
  }

  async #isRunning(sandbox: ManagedSandbox): Promise<boolean> {
    using deadline = new Deadline({
      timeoutMs: this.#statusTimeoutMs,
      failure: "The status of the sandbox could not be had",
    });
    try {
      return (await deadline.run((signal) => sandbox.status({ signal }))) === "running";
    } catch {
      // Nobody knows: the first error, which says that the engine is down, is the better answer.
      return true;
    }
  }

  #assertUsable(): void {
    this.#closing.throwIfAborted();
    if (this.#session.closed || this.#session.ending) throw this.#gone();
  }

  #gone(): SandboxError {
    return new SandboxError({
      code: "gone",
      message: `The session ${JSON.stringify(this.#session.id)} has ended. Open another one.`,
    });
  }

  #interrupted(repeatable: boolean, cause: unknown): SandboxError {
    const what = repeatable
      ? "The sandbox stopped again right after it was woken. Try again."
      : "The sandbox stopped during this call, so that nobody knows whether it took effect. Look, then try again.";
    return new SandboxError({ code: "unavailable", message: what, cause, retryAfterMs: 1000 });
  }
}
