import { AdmissionQueue } from "./admission-queue.ts";
import { AnchoredTime } from "./anchored-time.ts";
import { BackgroundLoop } from "./background-loop.ts";
import { Cleanup } from "./cleanup.ts";
import { Evictor } from "./evictor.ts";
import { FairQueue } from "./fair-queue.ts";
import { Holder } from "./holder.ts";
import { KeyedLock } from "./keyed-lock.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { Recovery } from "./recovery.ts";
import type { RecoverOptions, RecoveryReport } from "./recovery.ts";
import { Residencies } from "./residency.ts";
import { Retention } from "./retention.ts";
import { RoomFinder } from "./room-finder.ts";
import { RoomRequests } from "./room-requests.ts";
import { SandboxStarter } from "./sandbox-starter.ts";
import { SandboxStopper } from "./sandbox-stopper.ts";
import { SessionEnder } from "./session-ender.ts";
import { SessionEvents } from "./session-events.ts";
import { SessionLog } from "./session-log.ts";
import { readOptions } from "./session-manager-options.ts";
import type { ManagerSettings, SessionManagerOptions } from "./session-manager-options.ts";
import { SessionRegistry } from "./session-registry.ts";
import { StoreSync } from "./store-sync.ts";
import { Turns } from "./turns.ts";
import type { UserBudgets } from "./user-budgets.ts";
import { UserPurge } from "./user-purge.ts";
import { WorkWatch } from "./work-watch.ts";

/** What an engine was still making for a manager that was killed is there after so long. */
const SECOND_LOOK_MS = 30_000;

/** The parts of a manager, made and joined, and what all of them do together. */
export class ManagerParts {
  readonly context: LifecycleContext;
  readonly registry: SessionRegistry;
  readonly budgets: UserBudgets;
  readonly events: SessionEvents = new SessionEvents();
  readonly log: SessionLog;
  readonly starter: SandboxStarter;
  readonly ender: SessionEnder;
  readonly sync: StoreSync;
  readonly purge: UserPurge;
  readonly cleanupLoop: BackgroundLoop;
  readonly #holder: Holder;
  readonly #stopper: SandboxStopper;
  readonly #cleanup: Cleanup;
  readonly #retention: Retention;
  readonly #recovery: Recovery;
  readonly #requests: RoomRequests;
  #recovers = false;
  #secondLook: NodeJS.Timeout | undefined;

  /** @throws `invalid-argument` where a number in the options cannot be meant */
  constructor(options: SessionManagerOptions, closing: AbortSignal) {
    const { provider, store, clock, memory, settings } = readOptions(options);
    this.budgets = memory;
    const onFailure = (error: unknown): void => this.events.emit({ type: "store-failed", error });
    const { holderTtlMs } = settings;
    this.#holder = new Holder({
      store,
      clock,
      holderTtlMs,
      onBeat: () => void residencies.renewSoon(),
      onFailure,
    });
    const time = new AnchoredTime(clock);
    this.registry = new SessionRegistry({ provider, clock, time, budgets: memory });
    const residencies = new Residencies({
      store,
      holder: this.#holder,
      ceilings: settings,
      onFailure,
    });
    const context: LifecycleContext = {
      settings,
      provider,
      store,
      registry: this.registry,
      events: this.events,
      residencies,
      admissions: new AdmissionQueue(settings),
      ends: endsQueue(settings),
      work: new WorkWatch(settings),
      time,
      locks: new KeyedLock(),
      closing,
    };
    this.context = context;
    const turns = new Turns(context);
    const stopper = new SandboxStopper(context, turns);
    const ender = new SessionEnder(context, { stopper, turns });
    const evictor = new Evictor(context, stopper, turns);
    this.#stopper = stopper;
    this.ender = ender;
    const holder = this.#holder;
    const rooms = new RoomFinder(context, evictor);
    this.#requests = new RoomRequests({ store, holder, evictor, closing, onFailure });
    this.starter = new SandboxStarter(context, { stopper, ender, rooms });
    this.log = new SessionLog(store, (key) => this.registry.shareOfKey(key));
    this.events.subscribe((event) => this.log.add(event));
    this.sync = new StoreSync(context, { ender, turns, log: this.log });
    this.purge = new UserPurge(context, { ender, stopper, turns });
    this.#cleanup = new Cleanup(context, { stopper, ender, turns });
    this.#retention = new Retention(context, { stopper, ender, turns });
    this.#recovery = new Recovery(context, { evictor, holder, stopper, turns });
    this.cleanupLoop = new BackgroundLoop({
      pass: (signal) => this.#pass(signal),
      onFailure: (error) => this.events.emit({ type: "cleanup-failed", error }),
    });
  }

  /** Do from now on what goes on in the background. Does nothing where it does. */
  begin(): void {
    this.sync.start();
    this.#requests.start();
  }

  /** One pass over all that is to sleep or to end. @returns how many sessions did */
  async cleanUp(maxIdleMs: number, signal: AbortSignal): Promise<number> {
    const count = await this.#cleanup.run(maxIdleMs, signal);
    return signal.aborted ? count : count + (await this.#retention.run(signal));
  }

  async recover(options: RecoverOptions): Promise<RecoveryReport> {
    const report = await this.#recovery.run(options);
    this.#recovers = true;
    clearTimeout(this.#secondLook);
    if (!this.context.closing.aborted) {
      this.#secondLook = setTimeout(() => void this.#lookAgain(), SECOND_LOOK_MS);
      this.#secondLook.unref();
    }
    return report;
  }

  /** Stop all sandboxes, and give up what is held in the store. @throws as {@link Cleanup.stopAll} */
  async stopAll(): Promise<number> {
    clearTimeout(this.#secondLook);
    await Promise.all([this.#requests.stop(), this.cleanupLoop.stop()]);
    const count = await this.#cleanup.stopAll();
    await this.#stopper.settled();
    await this.sync.stop();
    await this.context.residencies.recorded();
    await this.sync.run();
    try {
      await this.#holder.retire();
    } catch (error) {
      // It is believed to live until its last beat expires, and then all that it held is free.
      this.events.emit({ type: "store-failed", error });
    }
    return count;
  }

  async #pass(signal: AbortSignal): Promise<void> {
    if (this.#recovers) await this.#recovery.run({ signal });
    await this.cleanUp(this.context.settings.idleTimeoutMs, signal);
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.#recovery.run();
    } catch (error) {
      if (!this.context.closing.aborted) this.events.emit({ type: "cleanup-failed", error });
    }
  }
}

/**
 * Ends take half of the places of starts, and users their shares of that: to delete a sandbox is work for
 * the engine as well, and a user who opens and ends sessions all the time must not slow the starts of others.
 */
function endsQueue({
  maxConcurrentStarts,
  maxConcurrentStartsPerUser,
}: ManagerSettings): FairQueue {
  return new FairQueue({
    maxAtOnce: Math.max(1, Math.floor(maxConcurrentStarts / 2)),
    maxAtOncePerUser: Math.max(1, Math.floor(maxConcurrentStartsPerUser / 2)),
  });
}
