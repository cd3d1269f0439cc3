import { LLMock } from "@copilotkit/aimock";
import { chooseModel } from "../../src/model/chat-model.ts";
import type { ChosenModel } from "../../src/model/chat-model.ts";

/** Of the provider; nobody may ever see it. */
export const KEY = "sk-canary-3b1f0c6d";

export function modelAt(
  baseUrl: string,
  { timeoutMs = 10_000, name = "gpt-4o" } = {},
): Promise<ChosenModel> {
  return chooseModel({ kind: "openai", name, apiKey: KEY, baseUrl }, { timeoutMs, maxRetries: 0 });
}

/** A double of a provider, which speaks OpenAI's interface over HTTP. */
export class Provider implements AsyncDisposable {
  readonly mock = new LLMock({ port: 0, chunkSize: 8 });

  static async start(): Promise<Provider> {
    const provider = new Provider();
    await provider.mock.start();
    return provider;
  }

  model({ timeoutMs = 10_000 } = {}): Promise<ChosenModel> {
    return modelAt(`${this.mock.url}/v1`, { timeoutMs });
  }

  /** The messages of the last request, as the provider saw them. */
  lastMessages(): {
    role: string;
    content: unknown;
    tool_calls?: { id: string }[];
    tool_call_id?: string;
  }[] {
    const body = this.mock.getLastRequest()?.body as { messages?: [] } | null | undefined;
    return body?.messages ?? [];
  }

  /** Of the last request, each answer with calls and the ids of the results right after it. */
  lastCalls(): { calls: string[]; results: (string | undefined)[] }[] {
    const messages = this.lastMessages();
    return messages.flatMap(({ tool_calls: calls = [] }, index) =>
      calls.length === 0
        ? []
        : [
            {
              calls: calls.map(({ id }) => id).toSorted((a, b) => a.localeCompare(b)),
              results: messages
                .slice(index + 1, index + 1 + calls.length)
                .map(({ tool_call_id: id }) => id)
                .toSorted((a = "", b = "") => a.localeCompare(b)),
            },
          ],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mock.stop();
  }
}
