import type { ProcessResult } from "@carrel/backend-protocol";
import type { StructuredTool } from "@langchain/core/tools";
import { z } from "zod";
import type { Answer } from "../answer.ts";
import { MAX_ARTIFACT_CHARACTERS } from "../artifacts.ts";
import { defineConsoleTool } from "../console-tool.ts";
import type { ToolScope, ToolSettings } from "../console-tool.ts";
import { cutMiddle, HeadAndTail, joinCut } from "../cut-text.ts";
import type { CutText } from "../cut-text.ts";
import { OutputDecoder } from "../output-decoder.ts";
import { describeOutcome } from "../describe-outcome.ts";
import { shownText } from "../shown-text.ts";

/** Above the protocol's default, because what is not kept here is dropped as it comes. */
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;

export function executeTool(settings: ToolSettings): StructuredTool {
  const { executeTimeoutMs, maxExecuteTimeoutMs } = settings;
  return defineConsoleTool(settings, {
    name: "execute",
    description: [
      "Run a shell command in the working directory, without input, to its end.",
      "Returns what it printed (stdout and stderr in order; the middle of long output is left out), then a last line with its exit code or how else it ended.",
    ].join("\n"),
    schema: z.strictObject({
      command: z.string().min(1, "must not be empty").describe("The command line."),
      timeout_seconds: z
        .number()
        .positive()
        .max(maxExecuteTimeoutMs / 1000)
        .optional()
        .describe(
          `When to stop it. Default ${executeTimeoutMs / 1000}, at most ${maxExecuteTimeoutMs / 1000}.`,
        ),
    }),
    async *run({ command, timeout_seconds }, scope) {
      const timeoutMs =
        timeout_seconds === undefined ? executeTimeoutMs : Math.ceil(timeout_seconds * 1000);
      return yield* runCommand(scope, { command, timeoutMs, settings });
    },
  });
}

async function* runCommand(
  { sandbox, signal }: ToolScope,
  { command, timeoutMs, settings }: { command: string; timeoutMs: number; settings: ToolSettings },
): AsyncGenerator<string, Answer, undefined> {
  const process = await sandbox.spawn(command, {
    timeoutMs,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    signal,
  });
  const decoder = new OutputDecoder();
  const output = new HeadAndTail(MAX_ARTIFACT_CHARACTERS);
  let ended = false;
  try {
    for await (const chunk of process.output) {
      const text = decoder.decode(chunk);
      output.append(text);
      if (text !== "") yield text;
    }
    output.append(decoder.end());
    const result = await process.result;
    ended = true;
    signal.throwIfAborted();
    const truncated = result.truncated || decoder.missed;
    return describeCommand(
      { ...result, truncated },
      { command, timeoutMs, output: output.cut(), settings },
    );
  } finally {
    if (!ended) await process.kill();
  }
}

function describeCommand(
  result: ProcessResult,
  {
    command,
    timeoutMs,
    output,
    settings,
  }: { command: string; timeoutMs: number; output: CutText; settings: ToolSettings },
): Answer {
  const { outcome, exitCode, signal, durationMs } = result;
  const shown = joinCut(cutMiddle(showCut(output), settings.maxResultCharacters));
  const ending = describeOutcome(result, { timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES });
  return {
    // A command that ended by itself is a result, whatever its exit code.
    status: outcome === "exited" ? "success" : "error",
    text: `${shown}${shown === "" || shown.endsWith("\n") ? "" : "\n"}[${ending}]`,
    artifact: {
      kind: "command",
      command,
      outcome,
      exitCode,
      signal,
      output: joinCut(output),
      truncated: result.truncated || output.omitted > 0,
      durationMs,
    },
  };
}

function showCut({ head, omitted, tail }: CutText): CutText {
  if (omitted === 0) return { head: shownText(head + tail), omitted, tail: "" };
  return { head: shownText(head), omitted, tail: shownText(tail) };
}
