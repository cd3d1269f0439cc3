import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { narrowSandbox } from "@carrel/backend-protocol";
import type { ManagedSandbox, Sandbox, SandboxProvider } from "@carrel/backend-protocol";
import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { StructuredTool } from "@langchain/core/tools";
import { createAgent, fakeModel } from "langchain";
import type { ReactAgent } from "langchain";

export interface Workbench extends AsyncDisposable {
  provider: SandboxProvider;
  managed: ManagedSandbox;
  sandbox: Sandbox;
}

/** A real sandbox that is gone with the scope of the test. */
export async function openWorkbench(): Promise<Workbench> {
  const root = await mkdtemp(join(tmpdir(), "console-toolset-"));
  const provider = createEmbeddedProvider({ root });
  const managed = await provider.create("alice");
  return {
    provider,
    managed,
    sandbox: narrowSandbox(managed),
    async [Symbol.asyncDispose]() {
      await provider[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

export interface ScriptedCall {
  name: string;
  args: Record<string, unknown>;
}

export interface RunOptions {
  context?: Record<string, unknown>;
  configurable?: Record<string, unknown>;
  signal?: AbortSignal;
}

/** An agent whose model sends these calls at once, and when it has their answers, `done`. */
export function scriptedAgent(
  tools: readonly StructuredTool[],
  calls: readonly ScriptedCall[],
): ReactAgent {
  const named = calls.map((call, index) => ({ ...call, id: `call-${index + 1}` }));
  const model = fakeModel().respondWithTools(named).respond(new AIMessage("done"));
  return createAgent({ model, tools: [...tools] });
}

export const QUESTION: { messages: HumanMessage[] } = { messages: [new HumanMessage("Go on.")] };

/** The answers to several calls that the model sends in one message. */
export async function callTogether(
  tools: readonly StructuredTool[],
  calls: readonly ScriptedCall[],
  options: RunOptions = {},
): Promise<ToolMessage[]> {
  const { messages } = await scriptedAgent(tools, calls).invoke(QUESTION, options);
  if (messages.at(-1)?.text !== "done") throw new Error("The run did not reach its end.");
  return messages.filter((message) => ToolMessage.isInstance(message));
}

/** The answer to one call, from a whole run of an agent. */
export async function callTool(
  tools: readonly StructuredTool[],
  name: string,
  args: Record<string, unknown> = {},
  options: RunOptions = {},
): Promise<ToolMessage> {
  const [answer] = await callTogether(tools, [{ name, args }], options);
  if (!answer) throw new Error(`${name} was not answered.`);
  return answer;
}
