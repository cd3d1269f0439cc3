import type { OperationOptions, SandboxSummary } from "@carrel/backend-protocol";
import { Deadline } from "./deadline.ts";
import { everySession } from "./every-session.ts";
import type { Evictor } from "./evictor.ts";
import type { Holder } from "./holder.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { mapBounded } from "./map-bounded.ts";
import type { SandboxStopper } from "./sandbox-stopper.ts";
import { MAX_LISTED } from "./session-ender.ts";
import { isSessionKey } from "./session-key.ts";
import { shareOf } from "./session-store.ts";
import type { SessionRecord } from "./session-store.ts";
import type { Turns } from "./turns.ts";

const CONCURRENCY = 8;
/** After that recovery begins nothing more; a later one goes on. */
const TIMEOUT_MS = 120_000;

/** What a recovery did. */
export interface RecoveryReport {
  /** Sandboxes that were in memory without anybody, and that this manager looks after now. */
  adopted: number;
  /** Sandboxes that ran without a session, and were stopped with their files kept. */
  stopped: number;
  /** Sandboxes that only an ended session could reach, and were deleted with their files. */
  removed: number;
  /** Sessions whose opening a crash cut short. */
  closed: number;
  /** What could not be dealt with; the events tell. A later recovery tries again. */
  failed: number;
  /** Whether everything was looked at; `false` where it was aborted or took too long. */
  complete: boolean;
}

export interface RecoverOptions extends OperationOptions {
  /**
   * All other managers of the store have ended: what they held is free at once, and not only when
   * their last beats expire. @default false
   */
  alone?: boolean;
}

export interface RecoveryParts {
  evictor: Evictor;
  holder: Holder;
  stopper: SandboxStopper;
  turns: Turns;
}

/** Brings the engine and the store together again after managers ended without saying so. */
export class Recovery {
  readonly #context: LifecycleContext;
  readonly #evictor: Evictor;
  readonly #holder: Holder;
  readonly #stopper: SandboxStopper;
  readonly #turns: Turns;
  /** For each sandbox that was adopted above a ceiling, the share whose sandboxes could make room; `null`: any. */
  readonly #exceeding: (string | null)[] = [];

  constructor(context: LifecycleContext, { evictor, holder, stopper, turns }: RecoveryParts) {
    this.#context = context;
    this.#evictor = evictor;
    this.#holder = holder;
    this.#stopper = stopper;
    this.#turns = turns;
  }

  /** @throws what listing the sandboxes or the sessions throws */
  async run({ signal, alone = false }: RecoverOptions = {}): Promise<RecoveryReport> {
    const { provider, closing } = this.#context;
    const report = { adopted: 0, stopped: 0, removed: 0, closed: 0, failed: 0, complete: true };
    using deadline = new Deadline({
      timeoutMs: TIMEOUT_MS,
      failure: "What an earlier manager left could not be looked at",
      signal,
      closing,
    });
    if (alone) await this.#holder.succeed(deadline);
    const sandboxes = await deadline.run((listing) => provider.list({ signal: listing }));
    await this.#closeReservations(deadline, report);
    // Those in memory first: they cost most.
    const left = sandboxes.toSorted((one, other) => Number(isAwake(other)) - Number(isAwake(one)));
    await mapBounded(left, CONCURRENCY, async (sandbox) => {
      if (deadline.signal.aborted) return;
      await this.#guarded(sandbox.key, report, (turn) => this.#recover(sandbox, report, turn));
    });
    await this.#makeRoom(deadline);
    report.complete = !deadline.signal.aborted;
    return report;
  }

  /** Others were let in while nobody looked after what was adopted. Where none is idle, clean-up finds one later. */
  async #makeRoom({ signal }: Deadline): Promise<void> {
    await mapBounded(this.#exceeding.splice(0), CONCURRENCY, async (ofUser) => {
      if (!signal.aborted) await this.#evictor.makeRoom(null, ofUser, signal);
    });
  }

  /** Sessions that are being opened by nobody who lives. */
  async #closeReservations(deadline: Deadline, report: RecoveryReport): Promise<void> {
    const { store, registry } = this.#context;
    for await (const record of everySession(store)) {
      if (deadline.signal.aborted) return;
      if (record.state !== "opening" || registry.get(record.id)) continue;
      await this.#guarded(record.key, report, (turn) =>
        this.#closeReservation(record, report, turn),
      );
    }
  }

  async #closeReservation(
    { id, key }: SessionRecord,
    report: RecoveryReport,
    deadline: Deadline,
  ): Promise<void> {
    const { store, registry, residencies } = this.#context;
    // Refused where another manager holds the key: it may be opening the session.
    await residencies.change(key, deadline, {
      work: async () => {
        const record = registry.get(id) ? null : await deadline.run(() => store.get(id));
        if (record?.state === "opening" && (await deadline.run(() => store.close(id)))) {
          report.closed += 1;
        }
        return null;
      },
      keeps: () => registry.slot(key)?.resident ?? false,
    });
  }

  /** Under the lock. */
  async #recover(
    { key, status }: SandboxSummary,
    report: RecoveryReport,
    deadline: Deadline,
  ): Promise<void> {
    const { registry, store } = this.#context;
    // This manager looks after it by itself.
    if (registry.slot(key)) return;
    const records = await deadline.run(() => store.list({ key, limit: MAX_LISTED }));
    const open = records.filter(({ state }) => state === "open");
    if (status === "stopped") {
      if (records.length === 0 && isSessionKey(key)) await this.#remove(key, report, deadline);
    } else if (open.length > 0) {
      await this.#adopt(open, status === "paused", report, deadline);
    } else if (records.length === 0) {
      await this.#clear(key, status === "paused", report, deadline);
    }
  }

  async #adopt(
    records: readonly SessionRecord[],
    paused: boolean,
    report: RecoveryReport,
    deadline: Deadline,
  ): Promise<void> {
    const { registry, residencies, events } = this.#context;
    const [first] = records;
    if (!first) return;
    const adoption = await residencies.adopt(first.key, first.userId, deadline);
    if (!adoption) return;
    const { exceeds } = adoption;
    if (exceeds)
      this.#exceeding.push(exceeds === "maxResidentSandboxes" ? null : shareOf(first.userId));
    const sessions = records.map((record) => registry.recall(record));
    registry.slotOf(first.key, first.userId).adopt({ paused });
    report.adopted += 1;
    for (const { id: sessionId, key } of sessions) {
      events.emit({ type: "session-adopted", sessionId, key });
    }
  }

  /** It is in memory and has no session: stopped, or deleted where the store knows that the session ended. */
  async #clear(
    key: string,
    paused: boolean,
    report: RecoveryReport,
    deadline: Deadline,
  ): Promise<void> {
    const { registry, events } = this.#context;
    const slot = registry.slotOf(key, isSessionKey(key) ? null : key);
    slot.adopt({ paused });
    try {
      const how = await this.#stopper.stopUnownedNow(slot, deadline);
      if (!how) return;
      report[how] += 1;
      events.emit({ type: "orphan-cleared", key, how });
    } finally {
      registry.prune(key);
    }
  }

  /**
   * Files that an end left which a crash cut short. Where the store does not know that a sandbox of
   * them ever ran, it is not the store of these.
   */
  async #remove(key: string, report: RecoveryReport, deadline: Deadline): Promise<void> {
    const { store, registry, events } = this.#context;
    const workspace = await deadline.run(() => store.workspace(key));
    if (!workspace || workspace.status === null) return;
    if (!(await this.#stopper.removeUnreached(registry.slotOf(key, null), deadline))) return;
    report.removed += 1;
    events.emit({ type: "workspace-deleted", key, reason: "orphaned" });
  }

  /** One that fails does not keep the others. */
  async #guarded(
    key: string,
    report: RecoveryReport,
    work: (deadline: Deadline) => Promise<void>,
  ): Promise<void> {
    const { registry } = this.#context;
    try {
      await this.#turns.take(key, "The sandbox that a crash left could not be dealt with", work);
    } catch (error) {
      report.failed += 1;
      this.#turns.tellFailed(key, error);
    } finally {
      registry.prune(key);
    }
  }
}

function isAwake({ status }: SandboxSummary): boolean {
  return status === "running" || status === "paused";
}
