import type { SessionStore } from "@carrel/session-manager";
import type { Database } from "../database/database.ts";
import { forgetEvents, listEvents, logEvents, pruneEvents } from "./events.ts";
import { beatHolder, retireHolder, retireOtherHolders } from "./holders.ts";
import { acquireResidency, beginChange, endChange, releaseResidency } from "./residencies.ts";
import { endRoomRequest, requestRoom, takeRoomRequest } from "./room-requests.ts";
import {
  closeSession,
  countSessions,
  establishSession,
  getSession,
  listSessions,
  openSession,
} from "./sessions.ts";
import { touchSessions } from "./uses.ts";
import {
  forgetWorkspace,
  getWorkspace,
  listUnusedWorkspaces,
  recordSandbox,
} from "./workspaces.ts";

/** The store over a database whose tables are up to date. @param dispose what its disposal does */
export function sqlSessionStore(database: Database, dispose: () => Promise<void>): SessionStore {
  return {
    get: (id) => getSession(database, id),
    open: (session, ceilings) => openSession(database, session, ceilings),
    establish: (id) => establishSession(database, id),
    close: (id) => closeSession(database, id),
    list: (options) => listSessions(database, options),
    count: (userId) => countSessions(database, userId),
    touch: (uses) => touchSessions(database, uses),
    beat: (holder, ttlMs) => beatHolder(database, holder, ttlMs),
    retire: (holder) => retireHolder(database, holder),
    retireOthers: (holder) => retireOtherHolders(database, holder),
    acquire: (residency, ceilings) => acquireResidency(database, residency, ceilings),
    requestRoom: (request) => requestRoom(database, request),
    takeRoomRequest: (holder) => takeRoomRequest(database, holder),
    endRoomRequest: (key, options) => endRoomRequest(database, key, options),
    beginChange: (key, holder) => beginChange(database, key, holder),
    endChange: (change) => endChange(database, change),
    release: (key, holder) => releaseResidency(database, key, holder),
    record: (key, told) => recordSandbox(database, key, told),
    workspace: (key) => getWorkspace(database, key),
    unusedWorkspaces: (options) => listUnusedWorkspaces(database, options),
    forgetWorkspace: (key) => forgetWorkspace(database, key),
    log: (events) => logEvents(database, events),
    events: (options) => listEvents(database, options),
    pruneEvents: (olderThanMs, keep) => pruneEvents(database, olderThanMs, keep),
    forgetEvents: (key) => forgetEvents(database, key),
    [Symbol.asyncDispose]: dispose,
  };
}
