import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import { SessionManager } from "@carrel/session-manager";
import { openSessionStore } from "@carrel/session-store";

const data = join(import.meta.dirname, "data", "durable");
await mkdir(data, { recursive: true });
await using provider = createEmbeddedProvider({ root: join(data, "workspaces") });
await using store = await openSessionStore({ url: join(data, "sessions.db") });
await using sessions = new SessionManager({ provider, store });
await sessions.recover({ alone: true }); // no other process uses this store
sessions.startCleanupLoop();
const sandbox = await sessions.getOrCreate("alice");
await sandbox.execute("echo visited >> visits.txt");
console.log((await sandbox.execute("wc -l < visits.txt")).stdout); // one more with each run
