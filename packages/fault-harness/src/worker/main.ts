import { createInterface } from "node:readline";
import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxProvider } from "@carrel/backend-protocol";
import { createDockerProvider } from "@carrel/docker-sandbox";
import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import { SessionManager } from "@carrel/session-manager";
import type { SessionStore } from "@carrel/session-manager";
import { openSessionStore } from "@carrel/session-store";
import { killingStore } from "./killing-store.ts";
import { perform } from "./perform.ts";
import type { WorkerAnswer, WorkerConfiguration, WorkerRequest } from "./worker-protocol.ts";

/**
 * A process that serves sessions as the server does, without the server around it: a line of JSON for
 * each request, a line for each answer. It is made to be killed.
 */
const configuration = JSON.parse(process.argv[2] ?? "{}") as WorkerConfiguration;

await using store = await openStore();
await using provider = await makeProvider();
const manager = new SessionManager({ provider, store, ...configuration.manager });
const recovering = manager
  .recover({ alone: configuration.alone ?? false })
  .then(() => answer({ event: "recovered" }))
  .catch((error: unknown) => console.error("Recovery failed:", error));
manager.startCleanupLoop(configuration.cleanupIntervalMs ?? 5000);
answer({ event: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as WorkerRequest;
  if (request.operation.name === "shutdown") break;
  void serve(request);
}
await manager.shutdown();
await recovering;

async function serve({ id, key, deadlineMs, operation }: WorkerRequest): Promise<void> {
  try {
    const signal = AbortSignal.timeout(deadlineMs);
    answer({ id, ok: true, value: await perform(manager, { key, operation, signal }) });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const code = SandboxError.isInstance(error) ? error.code : null;
    answer({ id, ok: false, error: { code, name, message } });
  }
}

function answer(line: WorkerAnswer): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function openStore(): Promise<SessionStore> {
  const opened = await openSessionStore({ url: configuration.databaseUrl });
  const { killAtStoreWrite } = configuration;
  if (!killAtStoreWrite) return opened;
  const kill = (): void => void process.kill(process.pid, "SIGKILL");
  return killingStore(opened, { ...killAtStoreWrite, kill });
}

async function makeProvider(): Promise<SandboxProvider> {
  const { workspaceRoot, engineHost, image, warm = 0 } = configuration;
  if (configuration.provider === "embedded") return createEmbeddedProvider({ root: workspaceRoot });
  return createDockerProvider({
    workspaceRoot,
    ...(engineHost !== undefined && { engine: { host: engineHost } }),
    ...(image !== undefined && { image }),
    ...(warm > 0 && { warm: { size: warm } }),
  });
}
