import { createMiddleware } from "langchain";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { isMalformedCall } from "./plain-answer.ts";

/** Answers calls whose arguments did not come through, without running anything. */
export const refuseMalformedCalls = createMiddleware({
  name: "refuseMalformedCalls",
  wrapToolCall: (request, handler) => {
    const { id = "", name } = request.toolCall;
    const answer = request.state.messages.findLast((message) => AIMessage.isInstance(message));
    if (!AIMessage.isInstance(answer) || !isMalformedCall(answer, id)) return handler(request);
    return new ToolMessage({
      tool_call_id: id,
      name,
      status: "error",
      content:
        "Error: the arguments of this call were cut off or are no JSON, nothing was done. Call again with complete arguments; write a long file in several parts.",
    });
  },
});
