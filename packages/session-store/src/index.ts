export type { AnyTables, Database, ExclusiveWork } from "./database/database.ts";
export {
  DEFAULT_DATABASE_TIMEOUT_MS,
  DEFAULT_MAX_CONNECTIONS,
  openDatabase,
} from "./database/open-database.ts";
export type { DatabaseOptions } from "./database/open-database.ts";
export { createSessionStore, openSessionStore } from "./open-session-store.ts";
