import type { StructuredTool } from "@langchain/core/tools";
import { z } from "zod";
import { succeeded } from "../answer.ts";
import { defineConsoleTool } from "../console-tool.ts";
import type { ToolSettings } from "../console-tool.ts";
import { counted } from "../counted.ts";
import { fitLines } from "../fit-lines.ts";
import { splitGlob } from "../split-glob.ts";
import { anyQuoted, QUOTED_PATHS_NOTE, shownPath } from "../shown-text.ts";

const MAX_FILES = 500;
const MAX_PATTERN_CHARACTERS = 2000;

export function globTool(settings: ToolSettings): StructuredTool {
  return defineConsoleTool(settings, {
    name: "glob",
    description: [
      "Find files by a pattern of their path; directories are not returned.",
      `Returns how many there are, then one absolute path per line, sorted, at most ${MAX_FILES}.`,
    ].join("\n"),
    schema: z.strictObject({
      pattern: z
        .string()
        .min(1, "must not be empty")
        .max(MAX_PATTERN_CHARACTERS)
        .describe(
          "`*` and `?` within a name, `**` over directories, `[a-z]`, `{a,b}`: `**/*.py` for Python files everywhere, `*.py` for those directly in the directory.",
        ),
      path: z.string().optional().describe("Directory to search. Default the working directory."),
      hidden: z
        .boolean()
        .optional()
        .describe("Also find names that begin with a dot. Default false."),
    }),
    async run({ pattern, path, hidden = false }, { sandbox, signal }) {
      const search = splitGlob(pattern, path ?? sandbox.workDir);
      const { files, truncated } = await sandbox.glob(search.pattern, {
        path: search.path,
        limit: MAX_FILES,
        hidden,
        signal,
      });
      const where = shownPath(search.path);
      if (files.length === 0) {
        return succeeded(
          truncated
            ? `The search in ${where} took too long and found no file before it was stopped. Search in a smaller directory.`
            : `No file in ${where} matches ${JSON.stringify(search.pattern)}.${adviseOnNone(search.pattern, hidden)}`,
        );
      }
      const paths = files.map((file) => shownPath(file.path));
      const { shown, left } = fitLines(paths, settings.maxResultCharacters);
      return succeeded(
        [
          `${where}: ${counted(files.length, "file")}${truncated ? ", and there may be more" : ""}`,
          ...shown,
          ...(left > 0 ? [`[${left} more do not fit.]`] : []),
          ...(left > 0 || truncated
            ? ["[Give a narrower pattern or path to see the others.]"]
            : []),
          ...(anyQuoted(shown) ? [QUOTED_PATHS_NOTE] : []),
        ].join("\n"),
      );
    },
  });
}

function adviseOnNone(pattern: string, hidden: boolean): string {
  const deeper = pattern.includes("/")
    ? ""
    : ` Use ${JSON.stringify(`**/${pattern}`)} to look in subdirectories too.`;
  return (
    deeper + (hidden ? "" : " Names that begin with a dot were left out; hidden=true finds them.")
  );
}
