import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox, MemoryBudget, SandboxProvider } from "@carrel/backend-protocol";
import type { Deadline } from "./deadline.ts";
import type { MonotonicClock } from "./monotonic-clock.ts";
import type { SessionProgress } from "./session-info.ts";
import { startSandbox } from "./start-sandbox.ts";
import type { StartedSandbox } from "./start-sandbox.ts";
import type { UsageSample } from "./work-watch.ts";

export interface SandboxSlotOptions {
  key: string;
  /** Whose it is; `null`: nobody's in particular. */
  userId: string | null;
  provider: SandboxProvider;
  clock: MonotonicClock;
  /** The budget of its user, in which what this process keeps in memory for the sandbox counts. */
  memory: MemoryBudget;
}

/** What {@link SandboxSlot.ensureRunning} had to do; `claimed`: one that was made beforehand. */
export type Wakening = "running" | "woken" | "created" | "claimed" | "replaced";

export interface EnsureRunningOptions {
  deadline: Deadline;
  onProgress: (progress: SessionProgress) => void;
  /** Receives a sandbox that was made after the deadline. */
  onLate: (sandbox: ManagedSandbox) => void;
}

/**
 * The sandbox of one key, as this manager knows it.
 *
 * Two rules keep it from being stopped under somebody's hands. Whoever works in it has a hold on
 * it. And whoever stops it holds the key's lock, finds no hold, and takes `ready` away in the same
 * step; from then on a caller has to go through the lock, where it waits and then wakes it.
 */
export class SandboxSlot {
  readonly key: string;
  readonly userId: string | null;
  readonly clock: MonotonicClock;
  /** The budget of its user. */
  readonly memory: MemoryBudget;
  /** What it used when that was last looked at, to see whether it works. */
  sample: UsageSample | null = null;
  readonly #provider: SandboxProvider;
  #sandbox: ManagedSandbox | null = null;
  #ready = false;
  #resident = false;
  #paused = false;
  #starting = false;
  #progress: SessionProgress | null = null;
  #stopUncertain = false;
  #wakenings = 0;
  #holds = 0;
  #lastActiveAt: number;
  #lastWorkAt: number;
  #usedHere = false;

  constructor({ key, userId, provider, clock, memory }: SandboxSlotOptions) {
    this.key = key;
    this.userId = userId;
    this.#provider = provider;
    this.clock = clock;
    this.memory = memory;
    this.#lastActiveAt = clock.now();
    this.#lastWorkAt = this.#lastActiveAt;
  }

  /** The sandbox last used; it may be asleep or gone. `null` before the first one. */
  get sandbox(): ManagedSandbox | null {
    return this.#sandbox;
  }

  /** The sandbox, where calls may go to it without the key's lock. */
  get readySandbox(): ManagedSandbox | null {
    return this.#ready ? this.#sandbox : null;
  }

  /** It runs or is paused, or may be: it takes memory. */
  get resident(): boolean {
    return this.#resident;
  }

  /** It is frozen in memory. */
  get paused(): boolean {
    return this.#paused;
  }

  get starting(): boolean {
    return this.#starting;
  }

  /** How far its start has come; `null` where it does not start now. */
  get progress(): SessionProgress | null {
    return this.#progress;
  }

  /** Somebody works in it or waits for it. */
  get held(): boolean {
    return this.#holds > 0;
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

  /** Whether it is resident, and nobody used it and nothing worked in it for that long. */
  isIdle(milliseconds: number): boolean {
    if (!this.#resident || this.#holds > 0) return false;
    return this.clock.now() - Math.max(this.#lastActiveAt, this.#lastWorkAt) >= milliseconds;
  }

  /** How long ago somebody last used it. */
  get unusedMs(): number {
    return this.#holds > 0 ? 0 : this.clock.now() - this.#lastActiveAt;
  }

  /** It was last used so long ago, as far as the store knows. Nothing new where it was used here. */
  recallUse(unusedMs: number): void {
    if (this.#usedHere) return;
    this.#lastActiveAt = this.clock.now() - unusedMs;
  }

  /** Something worked in it that nobody here holds. */
  noteWork(): void {
    this.#lastWorkAt = this.clock.now();
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

  /** Its start waits or goes on: for those who look. Ends with {@link SandboxSlot.ensureRunning}, or with `null`. */
  showProgress(progress: SessionProgress | null): void {
    this.#progress = progress;
  }

  /** Needs the key's lock. Where it fails the sandbox may be half awake: resident, but not ready. */
  async ensureRunning(
    options: EnsureRunningOptions,
  ): Promise<{ sandbox: ManagedSandbox; wakening: Wakening }> {
    const known = this.#sandbox;
    const { sandbox, how, claimed } = await this.#start(options);
    const wasReady = this.#ready && sandbox === known;
    this.#sandbox = sandbox;
    this.#resident = true;
    this.#paused = false;
    this.#stopUncertain = false;
    this.#ready = true;
    if (how !== "running" || !wasReady) this.#wakenings += 1;
    if (how === "resumed") return { sandbox, wakening: "woken" };
    if (how === "running") return { sandbox, wakening: "running" };
    if (known) return { sandbox, wakening: "replaced" };
    return { sandbox, wakening: claimed ? "claimed" : "created" };
  }

  /** Needs the key's lock. It is in memory already, and nobody here has used it yet. */
  adopt({
    paused,
    sandbox = this.#sandbox,
  }: {
    paused: boolean;
    sandbox?: ManagedSandbox | null;
  }): void {
    this.#sandbox = sandbox;
    this.#ready = false;
    this.#resident = true;
    this.#paused = paused;
    this.#touch();
  }

  /** It is not this manager's to look after any more: another one uses it, or it is gone. */
  leave(): void {
    this.#ready = false;
    this.#resident = false;
    this.#paused = false;
    this.#touch();
  }

  /**
   * Needs the key's lock. The sandbox that the key has now, whether or not this manager ever used
   * it: another one may have taken the place of the one that is known. `null`: there is none.
   */
  async current(deadline: Deadline): Promise<ManagedSandbox | null> {
    const known = this.#sandbox;
    if (known && (await deadline.run((signal) => known.status({ signal }))) !== "gone")
      return known;
    this.#sandbox = await this.#find(deadline);
    return this.#sandbox;
  }

  /** Needs the key's lock. Freezes it in memory. `false` where it cannot be: nothing happened then. */
  async pause(deadline: Deadline): Promise<boolean> {
    this.#ready = false;
    const sandbox = await this.current(deadline);
    if (!sandbox?.pause) return false;
    await deadline.run(async (signal) => sandbox.pause?.({ signal }));
    this.#paused = true;
    return true;
  }

  /** Needs the key's lock. Where it fails the sandbox stays resident, so that it is tried again. */
  async stop(deadline: Deadline): Promise<void> {
    this.#ready = false;
    const sandbox = await this.current(deadline);
    if (sandbox) {
      this.#resident = true;
      this.#stopUncertain = true;
      await deadline.run((signal) => stopUnlessGone(sandbox, signal));
    }
    this.#stopUncertain = false;
    this.leave();
  }

  /** Needs the key's lock. Whether it runs though it is not resident: another manager woke it. */
  async runsElsewhere(deadline: Deadline): Promise<boolean> {
    const sandbox = await this.#find(deadline);
    if (!sandbox) return false;
    return (await deadline.run((signal) => sandbox.status({ signal }))) === "running";
  }

  /** Needs the key's lock. Deletes the sandbox with its files. */
  async remove(deadline: Deadline): Promise<void> {
    this.#ready = false;
    await deadline.run((signal) => this.#provider.remove(this.key, { signal }));
    this.#sandbox = null;
    this.#stopUncertain = false;
    this.leave();
  }

  async #start({
    deadline,
    onProgress,
    onLate,
  }: EnsureRunningOptions): Promise<StartedSandbox & { claimed: boolean }> {
    this.#starting = !this.#ready;
    let claimed = false;
    try {
      const started = await startSandbox({
        provider: this.#provider,
        key: this.key,
        memory: this.memory,
        known: this.#sandbox,
        mistrustRunning: this.#stopUncertain,
        deadline,
        onStarting: (sandbox) => {
          this.#ready = false;
          this.#starting = true;
          this.#resident = sandbox !== null;
          if (sandbox) this.#sandbox = sandbox;
        },
        onProgress: (progress) => {
          if (progress.phase === "claiming") claimed = true;
          this.#progress = progress;
          onProgress(progress);
        },
        onLate,
      });
      return { ...started, claimed };
    } finally {
      this.#starting = false;
      this.#progress = null;
    }
  }

  #find(deadline: Deadline): Promise<ManagedSandbox | null> {
    const { key, memory } = this;
    return deadline.run((signal) => this.#provider.find(key, { signal, memory }));
  }

  #touch(): void {
    this.#usedHere = true;
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
