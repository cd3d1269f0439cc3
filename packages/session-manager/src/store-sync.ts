import { BackgroundLoop } from "./background-loop.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { mapBounded } from "./map-bounded.ts";
import type { OpenSession } from "./open-session.ts";
import { storeDeadline, withinStoreTime } from "./residency.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import { MAX_LISTED } from "./session-ender.ts";
import type { SessionEnder } from "./session-ender.ts";
import type { SessionLog } from "./session-log.ts";
import type { Turns } from "./turns.ts";
import { writeUses } from "./write-uses.ts";

/** Questions to the store at a time. */
const CONCURRENCY = 8;

export interface StoreSyncOptions {
  ender: SessionEnder;
  log: SessionLog;
  turns: Turns;
}

/**
 * Keeps the store and this manager's memory together in the background, so that no caller waits for
 * it: writes uses and events, repeats what could not be written, and notices what others ended.
 */
export class StoreSync {
  readonly #context: LifecycleContext;
  readonly #options: StoreSyncOptions;
  readonly #loop: BackgroundLoop;
  #failing = false;

  constructor(context: LifecycleContext, options: StoreSyncOptions) {
    this.#context = context;
    this.#options = options;
    this.#loop = new BackgroundLoop({
      pass: () => this.run(),
      onFailure: (error) => this.#tell(error),
    });
  }

  /** Its timer does not keep the process alive. Does nothing where it runs. */
  start(): void {
    this.#loop.start(this.#context.settings.storeIntervalMs);
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /** One pass. Never throws: what fails is told once, until it works again, and tried by the next. */
  async run(): Promise<void> {
    const { ender } = this.#options;
    const steps = [
      () => this.flush(),
      () => this.#settle(),
      () => ender.finishAbandoned(),
      () => this.#noticeEnds(),
    ];
    let failure: { error: unknown } | null = null;
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure && !this.#failing) this.#tell(failure.error);
    this.#failing = failure !== null;
  }

  /** Write uses and events. @throws what the store throws */
  async flush(): Promise<void> {
    const { store, registry } = this.#context;
    using deadline = storeDeadline();
    await writeUses(store, registry.all(), deadline);
    await this.#options.log.flush(deadline);
  }

  /** Write what could not be written about residencies. */
  async #settle(): Promise<void> {
    const { residencies } = this.#context;
    const { turns } = this.#options;
    await mapBounded(residencies.unsettled, CONCURRENCY, (key) =>
      turns.take(key, "A residency could not be written down", (deadline) =>
        residencies.settle(key, deadline),
      ),
    );
  }

  /** Look whether sessions whose sandbox is in memory were ended by another manager. */
  async #noticeEnds(): Promise<void> {
    const awake = this.#context.registry.slots().filter(({ resident }) => resident);
    await mapBounded(awake, CONCURRENCY, (slot) => this.#noticeEndsOf(slot));
  }

  async #noticeEndsOf({ key }: SandboxSlot): Promise<void> {
    const { registry, store } = this.#context;
    // As they were before the store was asked: one that is opened meanwhile may not be in the answer.
    const known = registry.established(key).filter(({ ending }) => !ending);
    if (known.length === 0) return;
    const records = await withinStoreTime(() => store.list({ key, limit: MAX_LISTED }));
    if (records.length === MAX_LISTED) return this.#noticeEndsOfMany(known);
    const ids = new Set(records.map(({ id }) => id));
    for (const session of known) if (!ids.has(session.id)) await this.#drop(session);
  }

  async #noticeEndsOfMany(known: readonly OpenSession[]): Promise<void> {
    const { store } = this.#context;
    for (const session of known) {
      if (!(await withinStoreTime(() => store.get(session.id)))) await this.#drop(session);
    }
  }

  async #drop(session: OpenSession): Promise<void> {
    if (session.closed || session.ending || session.openers > 0) return;
    await this.#options.ender.forget(session);
  }

  #tell(error: unknown): void {
    this.#context.events.emit({ type: "store-failed", error });
  }
}
