import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox, SandboxProvider } from "@carrel/backend-protocol";
import type { Deadline } from "./deadline.ts";
import type { MonotonicClock } from "./monotonic-clock.ts";
import { startSandbox } from "./start-sandbox.ts";

export interface SandboxSlotOptions {
  key: string;
  provider: SandboxProvider;
  clock: MonotonicClock;
}

/** What {@link SandboxSlot.ensureRunning} had to do. */
export type Wakening = "running" | "woken" | "created" | "replaced";

/**
 * The sandbox of one key, as this manager knows it.
 *
 * Two rules keep it from being stopped under somebody's hands. Whoever works in it has a hold on
 * it. And whoever stops it holds the key's lock, finds no hold, and takes `ready` away in the same
 * step; from then on a caller has to go through the lock, where it waits and then wakes it.
 */
export class SandboxSlot {
  readonly key: string;
  readonly clock: MonotonicClock;
  readonly #provider: SandboxProvider;
  #sandbox: ManagedSandbox | null = null;
  #ready = false;
  #resident = false;
  #starting = false;
  #stopUncertain = false;
  #wakenings = 0;
  #holds = 0;
  #lastActiveAt: number;

  constructor({ key, provider, clock }: SandboxSlotOptions) {
    this.key = key;
    this.#provider = provider;
    this.clock = clock;
    this.#lastActiveAt = clock.now();
  }

  /** The sandbox last used; it may be asleep or gone. `null` before the first one. */
  get sandbox(): ManagedSandbox | null {
    return this.#sandbox;
  }

  /** The sandbox, where calls may go to it without the key's lock. */
  get readySandbox(): ManagedSandbox | null {
    return this.#ready ? this.#sandbox : null;
  }

  /** It runs, or may run: it takes memory. */
  get resident(): boolean {
    return this.#resident;
  }

  get starting(): boolean {
    return this.#starting;
  }

  /** Grows whenever the sandbox came back from sleep or death. */
  get wakenings(): number {
    return this.#wakenings;
  }

  /** Keep it awake until the returned function is called. */
  hold(): () => void {
    this.#holds += 1;
    this.#touch();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      this.#touch();
    };
  }

  /** Whether it is resident and nobody used it for that long. */
  isIdle(milliseconds: number): boolean {
    if (!this.#resident || this.#holds > 0) return false;
    return this.clock.now() - this.#lastActiveAt >= milliseconds;
  }

  /** Whether it is not resident, and nobody is about to wake it. */
  get asleep(): boolean {
    return !this.#resident && this.#holds === 0;
  }

  /** When it was last used or fell asleep, by {@link SandboxSlot.clock}. */
  get lastActiveAt(): number {
    return this.#lastActiveAt;
  }

  /** A call found it not running: the next one has to wake it. */
  distrust(wakenings: number): void {
    if (wakenings === this.#wakenings) this.#ready = false;
  }

  /** Needs the key's lock. Where it fails the sandbox may be half awake: resident, but not ready. */
  async ensureRunning(
    deadline: Deadline,
    onLate: (sandbox: ManagedSandbox) => void,
  ): Promise<{ sandbox: ManagedSandbox; wakening: Wakening }> {
    const known = this.#sandbox;
    const { sandbox, how } = await this.#start(deadline, onLate);
    const wasReady = this.#ready && sandbox === known;
    this.#sandbox = sandbox;
    this.#resident = true;
    this.#stopUncertain = false;
    this.#ready = true;
    if (how !== "running" || !wasReady) this.#wakenings += 1;
    if (how === "created") return { sandbox, wakening: known ? "replaced" : "created" };
    return { sandbox, wakening: how === "resumed" ? "woken" : "running" };
  }

  /**
   * Whether a command runs in it that nobody here holds: one that another manager or an earlier
   * life of this process started. A sandbox that cannot tell runs nothing that is known of.
   */
  async runsCommand(deadline: Deadline): Promise<boolean> {
    const sandbox = this.#sandbox;
    if (!sandbox) return false;
    try {
      const processes = await deadline.run((signal) => sandbox.processes({ signal }));
      return processes.some(({ result }) => result === null);
    } catch (error) {
      if (SandboxError.isInstance(error) && error.code !== "timeout") return false;
      throw error;
    }
  }

  /** Needs the key's lock. Where it fails the sandbox stays resident, so that it is tried again. */
  async stop(deadline: Deadline): Promise<void> {
    this.#ready = false;
    const sandbox =
      this.#sandbox ?? (await deadline.run((signal) => this.#provider.find(this.key, { signal })));
    if (sandbox) {
      this.#sandbox = sandbox;
      this.#resident = true;
      this.#stopUncertain = true;
      await deadline.run((signal) => stopUnlessGone(sandbox, signal));
    }
    this.#stopUncertain = false;
    this.#resident = false;
    this.#touch();
  }

  /** Needs the key's lock. Whether it runs though it is not resident: another manager woke it. */
  async runsElsewhere(deadline: Deadline): Promise<boolean> {
    const sandbox = await deadline.run((signal) => this.#provider.find(this.key, { signal }));
    if (!sandbox) return false;
    return (await deadline.run((signal) => sandbox.status({ signal }))) === "running";
  }

  /** Needs the key's lock. Deletes the sandbox with its files. */
  async remove(deadline: Deadline): Promise<void> {
    this.#ready = false;
    await deadline.run((signal) => this.#provider.remove(this.key, { signal }));
    this.#sandbox = null;
    this.#stopUncertain = false;
    this.#resident = false;
  }

  async #start(
    deadline: Deadline,
    onLate: (sandbox: ManagedSandbox) => void,
  ): Promise<Awaited<ReturnType<typeof startSandbox>>> {
    this.#starting = !this.#ready;
    try {
      return await startSandbox({
        provider: this.#provider,
        key: this.key,
        known: this.#sandbox,
        mistrustRunning: this.#stopUncertain,
        deadline,
        onStarting: (sandbox) => {
          this.#ready = false;
          this.#starting = true;
          this.#resident = sandbox !== null;
          if (sandbox) this.#sandbox = sandbox;
        },
        onLate,
      });
    } finally {
      this.#starting = false;
    }
  }

  #touch(): void {
    this.#lastActiveAt = this.clock.now();
  }
}

async function stopUnlessGone(sandbox: ManagedSandbox, signal: AbortSignal): Promise<void> {
  try {
    await sandbox.stop({ signal });
  } catch (error) {
    if (!SandboxError.isInstance(error) || error.code !== "gone") throw error;
  }
}
