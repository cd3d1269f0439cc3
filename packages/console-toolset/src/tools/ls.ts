import { SandboxError, resolveSandboxPath } from "@carrel/backend-protocol";
import type { FileInfo } from "@carrel/backend-protocol";
import type { StructuredTool } from "@langchain/core/tools";
import { z } from "zod";
import { failed, succeeded } from "../answer.ts";
import { defineConsoleTool } from "../console-tool.ts";
import type { ToolSettings } from "../console-tool.ts";
import { fitLines } from "../fit-lines.ts";
import { counted } from "../counted.ts";
import { anyQuoted, QUOTED_PATHS_NOTE, shownPath } from "../shown-text.ts";

export function lsTool(settings: ToolSettings): StructuredTool {
  return defineConsoleTool(settings, {
    name: "ls",
    description: [
      "List one directory, hidden entries too.",
      "Returns how many entries it has, then one per line: `name/` is a directory; a file has its size beside it.",
    ].join("\n"),
    schema: z.strictObject({
      path: z
        .string()
        .optional()
        .describe(
          "Directory, absolute or relative to the working directory, which is the default.",
        ),
    }),
    async run({ path = "." }, { sandbox, signal }) {
      const where = shownPath(resolveSandboxPath(sandbox.workDir, path));
      const entries = await sandbox.ls(path, { signal }).catch((error: unknown) => {
        if (SandboxError.isInstance(error) && error.code === "too-large") return null;
        throw error;
      });
      // The sandbox's own advice is to ask for pages, which this tool does not have.
      if (entries === null) {
        return failed(
          `${where} has too many entries to list. Find those you need by a pattern of their names, with ${settings.prefix}glob.`,
        );
      }
      if (entries.length === 0) return succeeded(`${where} is an empty directory.`);
      const { shown, left } = fitLines(entries.map(describeEntry), settings.maxResultCharacters);
      return succeeded(
        [
          `${where}: ${counted(entries.length, "entry", "entries")}`,
          ...shown,
          ...(left > 0 ? [`[${left} more. Find the others by a pattern of their names.]`] : []),
          ...(anyQuoted(shown) ? [QUOTED_PATHS_NOTE] : []),
        ].join("\n"),
      );
    },
  });
}

// The tab stands in no name as it is, so nothing that a file is called can look like its size.
function describeEntry({ name, type, sizeBytes }: FileInfo): string {
  const shown = shownPath(name);
  switch (type) {
    case "directory":
      return `${shown}/`;
    case "file":
      return `${shown}\t${counted(sizeBytes, "byte")}`;
    case "symlink":
      return `${shown}\tlink`;
    case "other":
      return `${shown}\tno regular file`;
  }
}
