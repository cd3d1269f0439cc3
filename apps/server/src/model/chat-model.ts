import type { SandboxError } from "@carrel/backend-protocol";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { initChatModel } from "langchain/chat_models/universal";
import { ConfigError } from "../config.ts";
import type { ModelConfig } from "../config.ts";
import { DemoModel } from "./demo-model.ts";
import { fetchWithIdleTimeout } from "./idle-timeout-fetch.ts";
import { describeModelError } from "./model-error.ts";
import { OpenAiModel } from "./openai-model.ts";

/** How long to wait for the beginning of an answer, and then for each next piece. */
const MODEL_TIMEOUT_MS = 120_000;

const MAX_RETRIES = 2;

const OPENAI_URL = "https://api.openai.com/v1";

// The client insists on a key; local servers do not look at it.
const NO_KEY = "no-key-needed";

export interface ChosenModel {
  model: BaseChatModel;
  /** As users see it. */
  name: string;
  /** No AI. */
  demo: boolean;
  /** What a failed call means, for the user. */
  describeError: (error: unknown) => SandboxError;
}

export interface ModelBounds {
  timeoutMs: number;
  maxRetries: number;
}

/** @throws ConfigError where the model cannot be had */
export async function chooseModel(
  config: ModelConfig,
  bounds: ModelBounds = { timeoutMs: MODEL_TIMEOUT_MS, maxRetries: MAX_RETRIES },
): Promise<ChosenModel> {
  switch (config.kind) {
    case "demo":
      return described(new DemoModel(), { name: "demo", secret: undefined, demo: true });
    case "openai":
      return described(openAiModel(config, bounds), {
        name: `openai:${config.name}`,
        secret: config.apiKey,
        demo: false,
      });
    case "other":
      return described(await otherModel(config, bounds), {
        name: `${config.provider}:${config.name}`,
        secret: undefined,
        demo: false,
      });
  }
}

function described(
  model: BaseChatModel,
  { name, secret, demo }: { name: string; secret: string | undefined; demo: boolean },
): ChosenModel {
  return {
    model,
    name,
    demo,
    describeError: (error) => describeModelError(error, { name, secret }),
  };
}

function openAiModel(
  { name, apiKey, baseUrl }: Extract<ModelConfig, { kind: "openai" }>,
  { timeoutMs, maxRetries }: ModelBounds,
): BaseChatModel {
  return new OpenAiModel({
    model: name,
    apiKey: apiKey ?? NO_KEY,
    timeout: timeoutMs,
    maxRetries,
    configuration: {
      // Always said, so that no other variable of the environment sends the conversation elsewhere.
      baseURL: baseUrl ?? OPENAI_URL,
      fetch: fetchWithIdleTimeout(timeoutMs),
      // The client would write lines of its own, with pieces of the conversation, beside the log.
      logLevel: "off",
    },
  });
}

async function otherModel(
  { provider, name }: Extract<ModelConfig, { kind: "other" }>,
  { timeoutMs, maxRetries }: ModelBounds,
): Promise<BaseChatModel> {
  try {
    const model = await initChatModel(name, {
      modelProvider: provider,
      timeout: timeoutMs,
      maxRetries,
    });
    // What is given is a stand-in, which makes the model when it is called.
    return await model._getModelInstance();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`CARREL_MODEL is ${provider}:${name}, which cannot be loaded. ${why}`]);
  }
}
