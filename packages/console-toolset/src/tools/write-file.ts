import { SandboxError } from "@carrel/backend-protocol";
import type { Sandbox, WriteResult } from "@carrel/backend-protocol";
import type { StructuredTool } from "@langchain/core/tools";
import { z } from "zod";
import { failed, succeeded } from "../answer.ts";
import { defineConsoleTool } from "../console-tool.ts";
import type { ToolSettings } from "../console-tool.ts";
import { counted } from "../counted.ts";
import { shownPath } from "../shown-text.ts";

export function writeFileTool(settings: ToolSettings): StructuredTool {
  return defineConsoleTool(settings, {
    name: "write_file",
    description: [
      "Create a file, or replace all that is in one; missing directories are made.",
      "Refused if the file changed since you last read it: read it again first. Returns its size.",
    ].join("\n"),
    schema: z.strictObject({
      path: z.string().describe("File, absolute or relative to the working directory."),
      content: z.string().describe("The whole new content."),
    }),
    async run({ path, content }, { sandbox, signal, threadId }) {
      return settings.fileVersions.use({ sandbox, threadId, path }, async (file) => {
        const written = await writeKnown(sandbox, { path, content, hash: file.hash, signal });
        if (written === null) {
          return failed(
            `${shownPath(path)} changed since you last read it, so nothing was written. Read it again, then decide.`,
          );
        }
        file.remember(written.hash);
        const { path: absolute, created, sizeBytes } = written;
        const lineCount = countLines(content);
        return succeeded(
          `${created ? "Created" : "Replaced"} ${shownPath(absolute)}: ${counted(lineCount, "line")}, ${counted(sizeBytes, "byte")}.`,
          { kind: "write", path: absolute, created, sizeBytes, lineCount },
        );
      });
    },
  });
}

/** `null`: the file is not the one with this hash. One that was deleted has nothing to lose. */
async function writeKnown(
  sandbox: Sandbox,
  {
    path,
    content,
    hash,
    signal,
  }: { path: string; content: string; hash: string | undefined; signal: AbortSignal },
): Promise<WriteResult | null> {
  if (hash === undefined) return sandbox.write(path, content, { signal });
  try {
    return await sandbox.write(path, content, { ifHash: hash, signal });
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
  try {
    return await sandbox.write(path, content, { ifHash: null, signal });
  } catch (error) {
    if (!isConflict(error)) throw error;
    return null;
  }
}

function isConflict(error: unknown): boolean {
  return SandboxError.isInstance(error) && error.code === "conflict";
}

/** As the protocol counts: a final line break makes no line of its own. */
function countLines(text: string): number {
  const breaks = text.split("\n").length - 1;
  return text === "" || text.endsWith("\n") ? breaks : breaks + 1;
}
