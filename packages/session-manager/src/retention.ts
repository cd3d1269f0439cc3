import type { Deadline } from "./deadline.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { mapBounded } from "./map-bounded.ts";
import { withinStoreTime } from "./residency.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import type { SessionEnder } from "./session-ender.ts";
import { isSessionKey } from "./session-key.ts";
import { MAX_PRUNED_EVENTS, shareOf } from "./session-store.ts";
import type { SessionRecord, WorkspaceRecord } from "./session-store.ts";
import { everySession } from "./every-session.ts";
import { Tally } from "./tally.ts";
import type { Turns } from "./turns.ts";

/** Sandboxes that are removed at a time. */
const CONCURRENCY = 4;
const MAX_LISTED = 1000;

export interface RetentionOptions {
  ender: SessionEnder;
  stopper: SandboxStopper;
  turns: Turns;
}

/** Ends and deletes what the store remembers and nobody came back to, whoever opened it. */
export class Retention {
  readonly #context: LifecycleContext;
  readonly #ender: SessionEnder;
  readonly #stopper: SandboxStopper;
  readonly #turns: Turns;

  constructor(context: LifecycleContext, { ender, stopper, turns }: RetentionOptions) {
    this.#context = context;
    this.#ender = ender;
    this.#stopper = stopper;
    this.#turns = turns;
  }

  /** @returns how many sessions ended */
  async run(signal: AbortSignal): Promise<number> {
    const { settings } = this.#context;
    const ended = await this.#endSessions(signal);
    if (!signal.aborted) await this.#discardContainers(signal);
    if (!signal.aborted) await this.#deleteWorkspaces(signal);
    const keepsAll = Math.min(settings.eventRetentionMs, settings.maxLoggedEvents) === Infinity;
    if (!signal.aborted && !keepsAll) await this.#pruneEvents(signal);
    return ended;
  }

  async #pruneEvents(signal: AbortSignal): Promise<void> {
    const { store, settings } = this.#context;
    const { eventRetentionMs, maxLoggedEvents } = settings;
    let pruned = MAX_PRUNED_EVENTS;
    while (pruned >= MAX_PRUNED_EVENTS && !signal.aborted) {
      pruned = await withinStoreTime(() => store.pruneEvents(eventRetentionMs, maxLoggedEvents));
    }
  }

  async #endSessions(signal: AbortSignal): Promise<number> {
    const { store, settings } = this.#context;
    const { maxLifetimeMs, sessionRetentionMs } = settings;
    if (Math.min(maxLifetimeMs, sessionRetentionMs) === Number.POSITIVE_INFINITY) return 0;
    let count = 0;
    const open = new Tally();
    for await (const record of everySession(store)) {
      if (signal.aborted) return count;
      open.add(shareOf(record.userId));
      count += await this.#endIfOver(record);
    }
    this.#ender.noteOpen(open);
    return count;
  }

  async #endIfOver(record: SessionRecord): Promise<number> {
    const { registry, settings, time } = this.#context;
    if (record.state !== "open") return 0;
    if (time.since(record.createdAt) >= settings.maxLifetimeMs) {
      return this.#guarded(record.key, async () =>
        Number(await this.#ender.end(registry.recall(record), "too-old")),
      );
    }
    // What this manager knows it looks after itself, by what it knows better than the store.
    if (registry.get(record.id)) return 0;
    const used = record.lastUsedAt !== record.createdAt;
    const retentionMs = this.#ender.retentionMs({ used, userId: record.userId });
    if (time.since(record.lastUsedAt) < retentionMs) return 0;
    return this.#guarded(record.key, () =>
      this.#turns.take(record.key, "The session could not be ended", (deadline) => {
        const session = registry.recall(record);
        return this.#ender.expire(session.slot, deadline);
      }),
    );
  }

  async #discardContainers(signal: AbortSignal): Promise<void> {
    const { provider, settings, events, registry } = this.#context;
    const unusedForMs = settings.containerRetentionMs;
    if (!provider.discard || unusedForMs === Number.POSITIVE_INFINITY) return;
    const unused = await this.#unused({ unusedForMs, status: "stopped" });
    await this.#forEachUnused(unused, signal, async ({ key, userId }, deadline) => {
      const slot = registry.slotOf(key, userId);
      if (isSessionKey(key)) {
        // Nobody can reach these files: they were left by an end that a crash cut short.
        const removed = await this.#stopper.removeUnreached(slot, deadline);
        if (removed) events.emit({ type: "workspace-deleted", key, reason: "orphaned" });
      } else if (await this.#stopper.discardStopped(slot, deadline)) {
        events.emit({ type: "sandbox-discarded", key });
      }
    });
  }

  async #deleteWorkspaces(signal: AbortSignal): Promise<void> {
    const { settings, events, registry } = this.#context;
    const unusedForMs = settings.workspaceRetentionMs;
    if (unusedForMs === Number.POSITIVE_INFINITY) return;
    const unused = await this.#unused({ unusedForMs });
    await this.#forEachUnused(unused, signal, async ({ key, userId }, deadline) => {
      const slot = registry.slotOf(key, userId);
      const removed = await this.#stopper.removeUnreached(slot, deadline);
      if (removed) events.emit({ type: "workspace-deleted", key, reason: "unused" });
    });
  }

  /**
   * Those that are old enough by two clocks. The store's is a wall clock that somebody may set: one
   * that jumps ahead would make everybody's files old at once. This manager's was read once, at its
   * start, and goes on by a clock that nobody sets.
   */
  async #unused(options: { unusedForMs: number; status?: "stopped" }): Promise<WorkspaceRecord[]> {
    const { store, time } = this.#context;
    const unused = await withinStoreTime(() =>
      store.unusedWorkspaces({ ...options, limit: MAX_LISTED }),
    );
    return unused.filter(({ lastUsedAt }) => time.since(lastUsedAt) >= options.unusedForMs);
  }

  /** Do something with each that this manager does not look after meanwhile, under its lock. */
  async #forEachUnused(
    workspaces: readonly WorkspaceRecord[],
    signal: AbortSignal,
    work: (workspace: WorkspaceRecord, deadline: Deadline) => Promise<void>,
  ): Promise<void> {
    const { registry } = this.#context;
    await mapBounded(workspaces, CONCURRENCY, async (workspace) => {
      const { key } = workspace;
      if (signal.aborted) return;
      await this.#guarded(key, () =>
        this.#turns.take(key, "What nobody used could not be deleted", async (deadline) => {
          if (!registry.slot(key)) await work(workspace, deadline);
          return 0;
        }),
      );
      registry.prune(key);
    });
  }

  /** One that fails does not keep the others. */
  async #guarded(key: string, work: () => Promise<number>): Promise<number> {
    try {
      return await work();
    } catch (error) {
      this.#turns.tellFailed(key, error);
      return 0;
    }
  }
}
