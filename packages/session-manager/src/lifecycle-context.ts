import type { SandboxProvider } from "@carrel/backend-protocol";
import type { AdmissionQueue } from "./admission-queue.ts";
import type { AnchoredTime } from "./anchored-time.ts";
import type { FairQueue } from "./fair-queue.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import type { Residencies } from "./residency.ts";
import type { SessionEvents } from "./session-events.ts";
import type { ManagerSettings } from "./session-manager-options.ts";
import type { SessionRegistry } from "./session-registry.ts";
import type { SessionStore } from "./session-store.ts";
import type { WorkWatch } from "./work-watch.ts";

/** What those who start and those who stop sandboxes have in common. */
export interface LifecycleContext {
  readonly settings: ManagerSettings;
  readonly provider: SandboxProvider;
  readonly store: SessionStore;
  readonly registry: SessionRegistry;
  readonly events: SessionEvents;
  readonly residencies: Residencies;
  /** Starts of sandboxes, in which users take turns. */
  readonly admissions: AdmissionQueue;
  /** Ends of sessions that were asked for, in which users take turns. */
  readonly ends: FairQueue;
  readonly work: WorkWatch;
  readonly time: AnchoredTime;
  /** Whatever happens to the sandbox or the sessions of a key happens under the key's lock. */
  readonly locks: KeyedLock;
  /** Fires, with the error to throw, when the manager shuts down. */
  readonly closing: AbortSignal;
}
