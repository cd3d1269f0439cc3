import { readFileSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { MemoryBudget, SandboxError } from "@carrel/backend-protocol";
import { lockRoot } from "@carrel/embedded-sandbox";
import { SessionManager } from "@carrel/session-manager";
import { createSessionStore, openDatabase } from "@carrel/session-store";
import type { Database } from "@carrel/session-store";
import type { Logger } from "pino";
import { z } from "zod";
import { createChatAgent } from "./chat/agent.ts";
import { Chats } from "./chat/chats.ts";
import { openConversationStore } from "./chat/conversation-store.ts";
import {
  Conversations,
  MAX_CONVERSATIONS_BYTES,
  MAX_CONVERSATION_BYTES,
} from "./chat/conversations.ts";
import { LatestCheckpointSaver } from "./chat/latest-checkpoint-saver.ts";
import { ConfigError } from "./config.ts";
import type { Config } from "./config.ts";
import { chooseModel } from "./model/chat-model.ts";
import type { ChosenModel } from "./model/chat-model.ts";
import { makePrivateFolder } from "./private-folder.ts";
import { chooseProvider } from "./provider/choose-provider.ts";
import { DEFAULT_PATIENCE } from "./http/patience.ts";
import { UserShares } from "./http/user-shares.ts";
import { sessionMetrics } from "./metrics/session-metrics.ts";
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
 * @throws ConfigError where the model or Docker was asked for and cannot be had, or another process uses
 * one of the folders
 */
export async function compose({
  config,
  logger,
  maxTurnMs,
  model,
}: ComposeOptions): Promise<Composition> {
  const chosen = model ?? (await chooseModel(config.model));
  await makePrivateFolder(config.dataDir, {
    variable: "CARREL_DATA_DIR",
    logger,
    ifForeign: "refuse",
  });
  await makePrivateFolder(config.workspaceRoot, {
    variable: "CARREL_WORKSPACE_ROOT",
    logger,
    // Within the data folder nothing is anybody else's, and nobody else reaches it.
    ifForeign: config.workspaceRoot.startsWith(config.dataDir + sep) ? "close" : "keep",
  });
  await using opened = new AsyncDisposableStack();
  opened.defer(await lockFolder(config.dataDir, "CARREL_DATA_DIR"));
  opened.defer(await lockFolder(config.workspaceRoot, "CARREL_WORKSPACE_ROOT"));
  const database = opened.use(await openDatabase({ url: config.databaseUrl }));
  const { provider, ...choice } = await chooseProvider(config, logger);
  opened.use(provider);
  const store = await createSessionStore(database);
  const { memoryBytes, ...limits } = config.limits;
  const { idleTimeoutMs } = config;
  const memory = new MemoryBudget({
    name: "The server",
    limitBytes: memoryBytes,
    setting: "CARREL_MEMORY_MB",
  });
  const manager = new SessionManager({ provider, store, idleTimeoutMs, memory, ...limits });
  opened.use(manager);
  logSessions(manager, logger);
  const chats = await openChats({ database, manager, chosen, logger, maxTurnMs });
  opened.defer(() => chats.shutdown());
  const recovery = recover(manager, logger, { alone: config.databaseIsOwn });
  opened.defer(() => recovery.end());
  manager.startCleanupLoop(config.cleanupIntervalMs);
  const parts = opened.move();
  return {
    services: {
      manager,
      sandbox: { ...provider.info, ...choice },
      chats,
      model: { name: chosen.name, demo: chosen.demo },
      metrics: sessionMetrics(manager),
      shares: new UserShares({
        perUser: config.http.perUser,
        memory,
        memoryOf: (userId) => manager.memoryOfUser(userId),
      }),
      patience: DEFAULT_PATIENCE,
      logger,
      version: readVersion(),
      webRoot: WEB_ROOT,
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

interface ChatParts {
  database: Database;
  manager: SessionManager;
  chosen: ChosenModel;
  logger: Logger;
  maxTurnMs: number | undefined;
}

async function openChats({
  database,
  manager,
  chosen,
  logger,
  maxTurnMs,
}: ChatParts): Promise<Chats> {
  const store = await openConversationStore(database);
  await store.deleteOrphans();
  const checkpointer = new LatestCheckpointSaver(store, {
    onDamage: ({ messages }) =>
      logger.error(
        { messages },
        "messages of a conversation could not be read; notes stand for them",
      ),
  });
  const agent = createChatAgent({ model: chosen, manager, checkpointer, logger });
  const conversations = new Conversations(agent.graph, checkpointer, {
    maxConversationBytes: MAX_CONVERSATION_BYTES,
    maxTotalBytes: MAX_CONVERSATIONS_BYTES,
  });
  return new Chats({
    agent,
    conversations,
    manager,
    logger,
    ...(maxTurnMs !== undefined && { maxTurnMs }),
  });
}

/** Look after what an earlier server left, while this one serves already. */
function recover(
  manager: SessionManager,
  logger: Logger,
  { alone }: { alone: boolean },
): { end: () => Promise<void> } {
  const abort = new AbortController();
  const done = manager.recover({ signal: abort.signal, alone }).then(
    (report) => {
      const { complete, ...counts } = report;
      if (complete && Object.values(counts).every((count) => count === 0)) return;
      logger.info(report, "looked after what an earlier server left");
    },
    (error: unknown) => {
      if (abort.signal.aborted) return;
      logger.error({ err: error }, "what an earlier server left could not be looked after");
    },
  );
  return {
    end() {
      abort.abort();
      return done;
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
    if (event.type === "store-failed") logger.error({ err: event.error }, "the store failed");
    if (event.type === "cleanup-failed") logger.error({ err: event.error }, "a clean-up failed");
  });
}

/** @throws ConfigError where another process uses it */
async function lockFolder(folder: string, variable: string): Promise<() => Promise<void>> {
  try {
    return await lockRoot(folder);
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    throw new ConfigError([`${variable} (${folder}): ${error.message}`]);
  }
}
