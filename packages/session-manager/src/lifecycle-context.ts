import type { SandboxProvider } from "@carrel/backend-protocol";
import type { KeyedLock } from "./keyed-lock.ts";
import type { SessionEvents } from "./session-events.ts";
import type { SessionRegistry } from "./session-registry.ts";
import type { SessionStore } from "./session-store.ts";

/** What those who start and those who stop sandboxes have in common. */
export interface LifecycleContext {
  readonly provider: SandboxProvider;
  readonly store: SessionStore;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly sessionRetentionMs: number;
  readonly registry: SessionRegistry;
  readonly events: SessionEvents;
  /** Whatever happens to the sandbox or the sessions of a key happens under the key's lock. */
  readonly locks: KeyedLock;
  /** Fires, with the error to throw, when the manager shuts down. */
  readonly closing: AbortSignal;
}
