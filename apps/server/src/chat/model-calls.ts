import { SandboxError } from "@carrel/backend-protocol";
import { createMiddleware } from "langchain";
import { AIMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import type { ChosenModel } from "../model/chat-model.ts";
import { fitModelContext } from "./model-context.ts";
import { plainAnswer } from "./plain-answer.ts";

/** What goes to the model, and what comes from it. */
export function guardModelCalls({ describeError }: ChosenModel) {
  return createMiddleware({
    name: "guardModelCalls",
    wrapModelCall: async (request, handler) => {
      const messages = fitModelContext(request.messages);
      try {
        const answer: unknown = await handler({ ...request, messages });
        if (!AIMessage.isInstance(answer)) throw new TypeError("The model gave no message.");
        return plainAnswer(answer, callIds(request.messages));
      } catch (error) {
        if (request.runtime.signal?.aborted || SandboxError.isInstance(error)) throw error;
        throw describeError(error);
      }
    },
  });
}

function callIds(messages: readonly BaseMessage[]): string[] {
  return messages.flatMap((message) =>
    AIMessage.isInstance(message) ? (message.tool_calls ?? []).map(({ id = "" }) => id) : [],
  );
}
