import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionStore } from "@carrel/session-manager";
import { describeSessionStoreConformance } from "@carrel/session-manager/store-conformance";
import { openSessionStore } from "./index.ts";

describeSessionStoreConformance({
  name: "SQLite",
  async create() {
    const directory = await mkdtemp(join(tmpdir(), "carrel-session-store-"));
    const stores: SessionStore[] = [];
    return {
      async openStore() {
        const store = await openSessionStore({ url: join(directory, "sessions.db") });
        stores.push(store);
        return store;
      },
      async [Symbol.asyncDispose]() {
        for (const store of stores) await store[Symbol.asyncDispose]();
        await rm(directory, { recursive: true });
      },
    };
  },
});
