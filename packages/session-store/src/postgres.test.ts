import type { SessionStore } from "@carrel/session-manager";
import { describeSessionStoreConformance } from "@carrel/session-manager/store-conformance";
import { afterAll, beforeAll, describe } from "vitest";
import { createTestDatabase, NO_POSTGRES, SKIPS_POSTGRES } from "../test/postgres.ts";
import type { TestDatabase } from "../test/postgres.ts";
import { openSessionStore } from "./index.ts";

const TABLES = [
  "sessions",
  "workspaces",
  "residencies",
  "changes",
  "room_requests",
  "holders",
  "events",
];

describe.skipIf(SKIPS_POSTGRES)(SKIPS_POSTGRES ? `skipped: ${NO_POSTGRES}` : "on a server", () => {
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
    await (await openSessionStore({ url: database.url }))[Symbol.asyncDispose]();
  });
  afterAll(() => database?.[Symbol.asyncDispose]());

  describeSessionStoreConformance({
    name: "PostgreSQL",
    async create() {
      if (!database) throw new Error("There is no database.");
      const { url, query } = database;
      await query(`truncate ${TABLES.map((table) => `carrel_${table}`).join(", ")}`);
      const stores: SessionStore[] = [];
      return {
        async openStore() {
          const store = await openSessionStore({ url, maxConnections: 5 });
          stores.push(store);
          return store;
        },
        async [Symbol.asyncDispose]() {
          for (const store of stores) await store[Symbol.asyncDispose]();
        },
      };
    },
  });
});
