import { CONSOLE_SYSTEM_PROMPT, createConsoleToolset } from "@carrel/console-toolset";
import type { SessionManager } from "@carrel/session-manager";
import { createAgent } from "langchain";
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import type { Logger } from "pino";
import { z } from "zod";
import type { ChosenModel } from "../model/chat-model.ts";
import { joinStream } from "../model/join-stream.ts";
import { guardModelCalls } from "./model-calls.ts";
import { refuseCalls } from "./refused-calls.ts";

// Which session's sandbox the tools work in: set by the route, never by the model.
const contextSchema = z.object({ sessionId: z.string() });

type AgentContext = z.infer<typeof contextSchema>;

export interface ChatAgentOptions {
  model: ChosenModel;
  manager: SessionManager;
  checkpointer: BaseCheckpointSaver;
  logger: Logger;
}

/** One agent for all sessions: what differs is its context and its thread. */
export function createChatAgent({ model, manager, checkpointer, logger }: ChatAgentOptions) {
  return createAgent({
    model: joinStream(model.model),
    tools: createConsoleToolset<AgentContext>({
      backend: (runtime) => manager.getSession(runtime.context.sessionId),
      onError: (error, tool) =>
        logger.error({ err: error, tool }, "a tool failed for an unknown reason"),
    }),
    systemPrompt: CONSOLE_SYSTEM_PROMPT,
    contextSchema,
    checkpointer,
    middleware: [guardModelCalls(model), refuseCalls],
  });
}

export type ChatAgent = ReturnType<typeof createChatAgent>;
