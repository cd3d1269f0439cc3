import { mkdir } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SessionManager } from "@carrel/session-manager";
import type { Logger } from "pino";
import { z } from "zod";
import { createChatAgent } from "./chat/agent.ts";
import { Chats } from "./chat/chats.ts";
import {
  Conversations,
  MAX_CONVERSATIONS_BYTES,
  MAX_CONVERSATION_BYTES,
} from "./chat/conversations.ts";
import { LatestCheckpointSaver } from "./chat/latest-checkpoint-saver.ts";
import type { Config } from "./config.ts";
import { createProvider } from "./create-provider.ts";
import { chooseModel } from "./model/chat-model.ts";
import type { ChosenModel } from "./model/chat-model.ts";
import type { AppServices } from "./services.ts";

const WEB_ROOT = fileURLToPath(new URL("../../web/dist", import.meta.url));
const PACKAGE_FILE = new URL("../package.json", import.meta.url);

export interface Composition extends AsyncDisposable {
  services: AppServices;
}

export interface ComposeOptions {
  config: Config;
  logger: Logger;
  /** @default the one that the configuration names */
  model?: ChosenModel;
  /** Longest time of a turn of chat. @default 30 minutes */
  maxTurnMs?: number;
}

/**
 * The parts of a server, made and joined; nothing listens yet. To dispose of it ends the turns of
 * chat and stops the sandboxes; files stay.
 * @throws ConfigError where the model cannot be had; SandboxError where there is no engine,
 * or another process uses the folder of the workspaces
 */
export async function compose({
  config,
  logger,
  maxTurnMs,
  model,
}: ComposeOptions): Promise<Composition> {
  const chosen = model ?? (await chooseModel(config.model));
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await mkdir(config.workspaceRoot, { recursive: true, mode: 0o700 });
  const provider = await createProvider(config, logger);
  const manager = new SessionManager({ provider, idleTimeoutMs: config.idleTimeoutMs });
  manager.startCleanupLoop(config.cleanupIntervalMs);
  logSessions(manager, logger);
  const checkpointer = new LatestCheckpointSaver();
  const agent = createChatAgent({ model: chosen, manager, checkpointer, logger });
  const conversations = new Conversations(agent.graph, checkpointer, {
    bounds: {
      maxConversationBytes: MAX_CONVERSATION_BYTES,
      maxTotalBytes: MAX_CONVERSATIONS_BYTES,
    },
    logger,
  });
  const chats = new Chats({
    agent,
    conversations,
    manager,
    logger,
    ...(maxTurnMs !== undefined && { maxTurnMs }),
  });
  return {
    services: {
      manager,
      provider: provider.info,
      chats,
      model: { name: chosen.name, demo: chosen.demo },
      logger,
      version: readVersion(),
      webRoot: WEB_ROOT,
    },
    async [Symbol.asyncDispose]() {
      await chats.shutdown();
      await manager.shutdown();
      await provider[Symbol.asyncDispose]();
    },
  };
}

function readVersion(): string {
  const content: unknown = JSON.parse(readFileSync(PACKAGE_FILE, "utf8"));
  return z.object({ version: z.string() }).parse(content).version;
}

// Failures that no caller was there to be told.
function logSessions(manager: SessionManager, logger: Logger): void {
  manager.subscribe((event) => {
    if (event.type === "stop-failed")
      logger.error({ err: event.error }, "a sandbox could not be stopped");
    if (event.type === "cleanup-failed") logger.error({ err: event.error }, "a clean-up failed");
  });
}
