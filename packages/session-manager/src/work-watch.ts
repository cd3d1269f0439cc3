import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import { pause } from "./pause.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";

/** Whether what runs in a sandbox without anybody holding it keeps the sandbox awake. */
export type BackgroundWorkPolicy = (typeof BACKGROUND_WORK_POLICIES)[number];

export const BACKGROUND_WORK_POLICIES = ["keeps-awake", "ignored"] as const;

export interface WorkWatchOptions {
  backgroundWork: BackgroundWorkPolicy;
  /** After how long without use a sandbox is put to sleep whatever runs in it. */
  maxBackgroundWorkMs: number;
}

/** The processor time that a sandbox had used at a time of its slot's clock. */
export interface UsageSample {
  at: number;
  cpuMs: number;
}

/**
 * Longest time for a sandbox to tell which commands run. What answers in it is the user's to replace, so
 * that one which keeps silent is judged by what the engine tells alone.
 */
const ANSWER_MS = 3000;
/** For so long after that it is not asked again. */
const SILENCE_MS = 60_000;
/** Two samples are at least so far apart. */
const MIN_SAMPLE_GAP_MS = 500;
/** More than this part of the time between two samples is work; less is what a shell at rest uses. */
const WORKING_SHARE = 0.01;

/** Tells whether something works in a sandbox that nobody here holds. */
export class WorkWatch {
  readonly #options: WorkWatchOptions;
  /** Until when, by `performance`, sandboxes are not asked that kept silent. */
  readonly #silentUntil = new WeakMap<SandboxSlot, number>();

  constructor(options: WorkWatchOptions) {
    this.#options = options;
  }

  /**
   * Needs the key's lock. Whether commands run that another manager or an earlier life of this
   * process started, or a process that was left behind uses the processor. A sandbox that cannot
   * tell does nothing that is known of.
   * @param ask `again-soon`: of one that does not work the earlier sample is kept, so that whoever asks next need not wait for it to be old enough
   */
  async isWorking(
    slot: SandboxSlot,
    deadline: Deadline,
    ask: "once" | "again-soon" = "once",
  ): Promise<boolean> {
    const { backgroundWork, maxBackgroundWorkMs } = this.#options;
    if (backgroundWork === "ignored") return false;
    if (slot.unusedMs >= maxBackgroundWorkMs) return false;
    try {
      const sandbox = await slot.current(deadline);
      if (!sandbox || (slot.paused && (await this.#isPaused(sandbox, deadline)))) return false;
      const working =
        (await this.#runsCommands(slot, sandbox, deadline)) ||
        (await this.#usesProcessor(slot, sandbox, { deadline, ask }));
      if (working) slot.noteWork();
      return working;
    } catch (error) {
      if (SandboxError.isInstance(error) && error.code !== "timeout") return false;
      throw error;
    }
  }

  async #runsCommands(
    slot: SandboxSlot,
    sandbox: ManagedSandbox,
    { signal: closing }: Deadline,
  ): Promise<boolean> {
    if (performance.now() < (this.#silentUntil.get(slot) ?? 0)) return false;
    using answer = new Deadline({
      timeoutMs: ANSWER_MS,
      failure: "The sandbox did not tell what runs in it",
      closing,
    });
    try {
      const processes = await answer.run((signal) => sandbox.processes({ signal }));
      return processes.some(({ result }) => result === null);
    } catch (error) {
      if (!answer.signal.aborted || closing.aborted) throw error;
      this.#silentUntil.set(slot, performance.now() + SILENCE_MS);
      return false;
    }
  }

  /** What is frozen does not work; but another manager may have woken it. */
  async #isPaused(sandbox: ManagedSandbox, deadline: Deadline): Promise<boolean> {
    return (await deadline.run((signal) => sandbox.status({ signal }))) === "paused";
  }

  /** Look what it has used by now, so that it is known later without waiting whether it worked since. */
  async takeSample(slot: SandboxSlot, deadline: Deadline): Promise<void> {
    const sandbox = slot.readySandbox;
    if (this.#options.backgroundWork === "ignored" || !sandbox) return;
    try {
      slot.sample = await this.#sample(slot, sandbox, deadline);
    } catch {
      // It only saves time later: whoever puts the sandbox to sleep looks again, and waits then.
      slot.sample = null;
    }
  }

  async #sample(
    slot: SandboxSlot,
    sandbox: ManagedSandbox,
    deadline: Deadline,
  ): Promise<UsageSample | null> {
    // Counting the files would take processor time in the sandbox, and so be taken for its work.
    const { cpuMs } = await deadline.run((signal) => sandbox.usage({ signal, disk: false }));
    return cpuMs === null ? null : { at: slot.clock.now(), cpuMs };
  }

  async #usesProcessor(
    slot: SandboxSlot,
    sandbox: ManagedSandbox,
    { deadline, ask }: { deadline: Deadline; ask: "once" | "again-soon" },
  ): Promise<boolean> {
    let before = slot.sample;
    // What was used up to the last call says nothing about what works since.
    const isOutdated = before !== null && before.at < slot.lastActiveAt;
    if (!before || isOutdated || slot.clock.now() - before.at < MIN_SAMPLE_GAP_MS) {
      before = await this.#sample(slot, sandbox, deadline);
      if (!before) return false;
      // Kept at once: an engine may take a second for each look, and who gives up begins anew otherwise.
      slot.sample = before;
      await pause(deadline, MIN_SAMPLE_GAP_MS);
    }
    const after = await this.#sample(slot, sandbox, deadline);
    slot.sample = after;
    // One that was started anew counts from zero again.
    if (!after || after.cpuMs < before.cpuMs) return false;
    const elapsedMs = Math.max(after.at - before.at, MIN_SAMPLE_GAP_MS);
    const working = after.cpuMs - before.cpuMs > WORKING_SHARE * elapsedMs;
    if (ask === "again-soon" && !working) slot.sample = before;
    return working;
  }
}
