import { createMiddleware } from "langchain";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseMessage } from "@langchain/core/messages";
import { randomUUID } from "node:crypto";
import { MAX_CALLS_PER_ANSWER, callRefusal } from "./plain-answer.ts";
import type { CallRefusal } from "./plain-answer.ts";

const NAME = "refuseCalls";

/** The node of the graph whose messages are the results of surplus calls. */
export const SURPLUS_NODE: string = `${NAME}.after_model`;

const EXPLANATIONS: Readonly<Record<CallRefusal, string>> = {
  cut: "Error: the arguments of this call were cut off or are no JSON object, nothing was done. Call again with complete arguments; write a long file in several parts.",
  nested:
    "Error: the arguments of this call are nested too deeply, nothing was done. Call again with the arguments that the tool describes.",
  reserved:
    "Error: the arguments of this call use names that are reserved (`lg_name`, or `node` beside `args`), nothing was done. Call again with the arguments that the tool describes.",
  surplus: `Error: only ${MAX_CALLS_PER_ANSWER} calls are done per answer, this one was not. Call again in your next answer, or do more with one call.`,
};

/**
 * Answers the calls that are not to be done. Those that are too many never become tasks of the
 * graph, each of which would hold the conversation.
 */
export const refuseCalls = createMiddleware({
  name: NAME,
  afterModel: (state) => {
    const answer = latestAnswer(state.messages);
    const surplus = answer?.tool_calls?.slice(MAX_CALLS_PER_ANSWER) ?? [];
    if (surplus.length === 0) return undefined;
    return { messages: surplus.map((call) => refusal(call, "surplus")) };
  },
  wrapToolCall: (request, handler) => {
    const answer = latestAnswer(request.state.messages);
    const why = answer && callRefusal(answer, request.toolCall.id);
    return why ? refusal(request.toolCall, why) : handler(request);
  },
});

function latestAnswer(messages: readonly BaseMessage[]): AIMessage | undefined {
  const latest = messages.findLast((message) => AIMessage.isInstance(message));
  return AIMessage.isInstance(latest) ? latest : undefined;
}

function refusal(
  { id = "", name }: { id?: string | undefined; name: string },
  why: CallRefusal,
): ToolMessage {
  return new ToolMessage({
    id: randomUUID(),
    tool_call_id: id,
    name,
    status: "error",
    content: EXPLANATIONS[why],
  });
}
