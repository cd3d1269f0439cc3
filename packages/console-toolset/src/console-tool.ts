import { SandboxError } from "@carrel/backend-protocol";
import type { Sandbox } from "@carrel/backend-protocol";
import { ToolMessage } from "@langchain/core/messages";
import { DynamicStructuredTool } from "@langchain/core/tools";
import type {
  StructuredTool,
  StructuredToolCallInput,
  ToolRunnableConfig,
  ToolRuntime,
} from "@langchain/core/tools";
import { z } from "zod";
import { failed } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { describeError } from "./describe-error.ts";
import type { FileVersions } from "./file-versions.ts";

// The names of unknown arguments are in it, and those are as long as the model made them.
const MAX_COMPLAINT_CHARACTERS = 2000;

/** The tools that {@link createConsoleToolset} can make, without the prefix. */
export const CONSOLE_TOOL_NAMES = [
  "ls",
  "read_file",
  "write_file",
  "edit_file",
  "glob",
  "grep",
  "execute",
] as const;

export type ConsoleToolName = (typeof CONSOLE_TOOL_NAMES)[number];

/** What all tools of one toolset share. */
export interface ToolSettings {
  findSandbox: (runtime: ToolRuntime) => Sandbox | Promise<Sandbox>;
  prefix: string;
  maxResultCharacters: number;
  executeTimeoutMs: number;
  maxExecuteTimeoutMs: number;
  fileVersions: FileVersions;
  onError: ((error: unknown, toolName: ConsoleToolName) => void) | undefined;
}

/** What one call of a tool works with. */
export interface ToolScope {
  sandbox: Sandbox;
  /** The run's: it fires when the run is aborted. */
  signal: AbortSignal;
  /** The conversation; empty where the run has none. */
  threadId: string;
}

export interface ConsoleToolDefinition<Schema extends z.ZodObject> {
  name: ConsoleToolName;
  description: string;
  schema: Schema;
  /** What is yielded is streamed to whoever watches the run, not to the model. */
  run(
    input: z.output<Schema>,
    scope: ToolScope,
  ): Promise<Answer> | AsyncGenerator<string, Answer, undefined>;
}

export function defineConsoleTool<Schema extends z.ZodObject>(
  settings: ToolSettings,
  definition: ConsoleToolDefinition<Schema>,
): StructuredTool {
  const name = settings.prefix + definition.name;
  return new ConsoleTool({
    name,
    description: definition.description,
    schema: definition.schema,
    responseFormat: "content_and_artifact",
    func: async function* (input: z.output<Schema>, _manager, config) {
      // What ToolNode passes is a ToolRuntime; LangChain's own `tool()` has the same assertion.
      const runtime = config as ToolRuntime;
      const answer = yield* answerCall(settings, definition, { input, runtime });
      return [toMessage(answer, name, runtime.toolCall?.id), answer.artifact];
    },
  });
}

async function* answerCall<Schema extends z.ZodObject>(
  settings: ToolSettings,
  definition: ConsoleToolDefinition<Schema>,
  { input, runtime }: { input: z.output<Schema>; runtime: ToolRuntime },
): AsyncGenerator<string, Answer, undefined> {
  const signal = runtime.signal ?? new AbortController().signal;
  try {
    signal.throwIfAborted();
    const sandbox = await settings.findSandbox(runtime);
    const threadId = String(runtime.configurable?.["thread_id"] ?? "");
    const running = definition.run(input, { sandbox, signal, threadId });
    return "next" in running ? yield* running : await running;
  } catch (error) {
    if (signal.aborted || isGraphControlFlow(error)) throw error;
    if (SandboxError.isInstance(error)) return failed(describeError(error));
    settings.onError?.(error, definition.name);
    return failed(
      "the tool failed inside, which is not the fault of your call. Try again once; if it fails again, tell the user.",
    );
  }
}

// An interrupt asks a person or the graph; LangGraph marks what must reach it so.
function isGraphControlFlow(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "is_bubble_up" in error &&
    error.is_bubble_up === true
  );
}

class ConsoleTool<Schema extends z.ZodObject> extends DynamicStructuredTool<
  Schema,
  z.output<Schema>
> {
  // LangChain's own answer to arguments that do not fit shows the model a stack trace with paths
  // of this host, and repeats all that it sent.
  override async invoke(
    input: StructuredToolCallInput<Schema>,
    config?: ToolRunnableConfig,
  ): Promise<unknown> {
    const call = TOOL_CALL.safeParse(input);
    const parsed = this.schema.safeParse(call.success ? call.data.args : input);
    if (parsed.success) return super.invoke(input, config);
    const answer = failed(
      `wrong arguments, nothing was done. Correct them and call ${this.name} again.\n${z.prettifyError(parsed.error).slice(0, MAX_COMPLAINT_CHARACTERS)}`,
    );
    return toMessage(answer, this.name, call.data?.id ?? config?.toolCall?.id);
  }
}

const TOOL_CALL = z.object({
  type: z.literal("tool_call"),
  id: z.string().optional(),
  args: z.unknown(),
});

// Who calls a tool with arguments alone, and not for a model, gets the text.
function toMessage(
  { status, text, artifact }: Answer,
  name: string,
  toolCallId: string | undefined,
): ToolMessage | string {
  if (toolCallId === undefined) return text;
  return new ToolMessage({ name, status, content: text, artifact, tool_call_id: toolCallId });
}
