import process from "node:process";
import { SandboxError } from "@carrel/backend-protocol";
import type { Logger } from "pino";
import { collectDefaultMetrics } from "prom-client";
import type { Composition } from "./compose.ts";
import { ConfigError, readConfig } from "./config.ts";
import type { Config } from "./config.ts";
import { listen } from "./http/listen.ts";
import type { ListeningServer } from "./http/listen.ts";
import { createLogger } from "./logger.ts";

/** A stop that takes longer is broken off. */
const STOP_TIMEOUT_MS = 9000;

const logger = createLogger();

process.on("uncaughtException", (error) => {
  logger.fatal({ err: error }, "the server ends because of a fault in it");
  process.exit(1);
});

try {
  const config = readConfig(process.env, process.cwd());
  // Loading them is most of the start: a mistake in the environment is told before it.
  const [{ compose }, { createApp }] = await Promise.all([
    import("./compose.ts"),
    import("./app.ts"),
  ]);
  const composition = await compose({ config, logger });
  // Of this process: its memory, its processor time, the delay of its event loop.
  collectDefaultMetrics({ register: composition.services.metrics });
  const { host, port, http } = config;
  const { maxConnections } = http;
  const { patience } = composition.services;
  const app = createApp(composition.services);
  const server = await listen(app, { host, port, maxConnections, patience });
  sayWhatRuns(config, composition, server);
  stopOnSignal(composition, server, logger);
} catch (error) {
  const known = explain(error);
  if (known === null) throw error;
  process.stderr.write(`Carrel does not start:\n${known}\n`);
  process.exit(1);
}

function explain(error: unknown): string | null {
  if (error instanceof ConfigError) return error.message;
  if (SandboxError.isInstance(error)) return error.message;
  if (!(error instanceof Error && "code" in error)) return null;
  if (error.code === "EADDRINUSE") {
    return "Another program listens on this port. Set PORT to another one, or stop that program.";
  }
  if (error.code === "EACCES" && "syscall" in error && error.syscall === "listen") {
    return "This user may not listen on this port. Set PORT to one above 1023.";
  }
  if ("path" in error) {
    return `${String(error.path)} cannot be made (${String(error.code)}). Set CARREL_DATA_DIR or CARREL_WORKSPACE_ROOT to a place where this user may write.`;
  }
  return null;
}

function sayWhatRuns(
  config: Config,
  { services }: Composition,
  { host, port }: ListeningServer,
): void {
  const { sandbox, model, version } = services;
  const address = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const lines = [
    `Carrel ${version} listens on ${address}`,
    `Sandbox: ${sandbox.name}. ${sandbox.description}`,
    `Why this one: ${sandbox.reason}`,
    model.demo
      ? "Model: demo, which is no AI: fixed rules answer. Set OPENAI_API_KEY for a real one."
      : `Model: ${model.name}`,
    `Data: ${config.dataDir}${config.workspaceRoot.startsWith(config.dataDir) ? "" : `, workspaces: ${config.workspaceRoot}`}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function stopOnSignal(composition: Composition, server: ListeningServer, log: Logger): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, "stopping");
    setTimeout(() => {
      log.error("the server did not stop in time");
      process.exit(1);
    }, STOP_TIMEOUT_MS).unref();
    void stopAll(composition, server).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "the server did not stop well");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

// Turns end first, and with them their event streams, which otherwise would keep the server open.
async function stopAll(composition: Composition, server: ListeningServer): Promise<void> {
  const closed = server.close();
  await composition.services.chats.shutdown();
  await closed;
  await composition[Symbol.asyncDispose]();
}
