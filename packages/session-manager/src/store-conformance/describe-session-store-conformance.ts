import { describe, it } from "vitest";
import type { SessionStore } from "../session-store.ts";
import { ceilings } from "./ceilings.ts";
import { changes } from "./changes.ts";
import { events } from "./events.ts";
import { holders } from "./holders.ts";
import { listing } from "./listing.ts";
import { races } from "./races.ts";
import { residencies } from "./residencies.ts";
import { roomRequests } from "./room-requests.ts";
import { sessions } from "./sessions.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";
import { texts } from "./texts.ts";
import { uses } from "./uses.ts";
import { workspaces } from "./workspaces.ts";

const DEFAULT_TIMEOUT_MS = 30_000;

/** An empty database of sessions, for one test. Disposing of it closes the stores on it. */
export interface SessionStoreSubject extends AsyncDisposable {
  /** Another store on the database, as another manager would have it. */
  openStore(): Promise<SessionStore>;
}

export interface SessionStoreConformanceOptions {
  /** The kind of store, for the names of the tests. */
  name: string;
  create: () => Promise<SessionStoreSubject>;
  /** Of one test. @default 30 seconds */
  timeoutMs?: number;
}

const GROUPS: Readonly<Record<string, StoreBehaviours>> = {
  sessions,
  listing,
  uses,
  ceilings,
  holders,
  residencies,
  roomRequests,
  changes,
  workspaces,
  events,
  texts,
  races,
};

/**
 * Register a vitest test for each behaviour that {@link SessionStore} promises. Call it at the top
 * level of a test file.
 */
export function describeSessionStoreConformance(options: SessionStoreConformanceOptions): void {
  const { name, create, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  describe(`${name} conforms to the session store`, { timeout: timeoutMs }, () => {
    describe.each(Object.entries(GROUPS))("%s", (_group, behaviours) => {
      it.each(Object.entries(behaviours))("%s", async (_sentence, behaviour) => {
        await using subject = await create();
        await behaviour(() => subject.openStore());
      });
    });
  });
}
