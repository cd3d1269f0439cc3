import type { SandboxError } from "@carrel/backend-protocol";
import { createMiddleware } from "langchain";
import { AIMessage } from "@langchain/core/messages";
import { fitModelContext } from "./model-context.ts";
import { plainAnswer } from "./plain-answer.ts";

/** What goes to the model, and what comes from it. */
export function guardModelCalls(describeModelError: (error: unknown) => SandboxError) {
  return createMiddleware({
    name: "guardModelCalls",
    wrapModelCall: async (request, handler) => {
      const messages = fitModelContext(request.messages);
      let answer: unknown;
      try {
        answer = await handler({ ...request, messages });
      } catch (error) {
        if (request.runtime.signal?.aborted) throw error;
        throw describeModelError(error);
      }
      if (!AIMessage.isInstance(answer))
        throw new TypeError("The model gave something else than a message.");
      return plainAnswer(answer);
    },
  });
}
