import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import { SessionManager } from "@carrel/session-manager";

await using provider = createEmbeddedProvider({ root: "./data/workspaces" });
await using sessions = new SessionManager({ provider });
sessions.startCleanupLoop();
const sandbox = await sessions.getOrCreate("alice"); // the same one on every call, awake
await sandbox.write("secret.txt", "Alice's private data");
console.log((await sandbox.execute("cat secret.txt")).stdout);
await sessions.release("alice"); // the files stay
