import { SandboxError } from "@carrel/backend-protocol";
import type { GrepResult } from "@carrel/backend-protocol";
import type { StructuredTool } from "@langchain/core/tools";
import { z } from "zod";
import { failed, succeeded } from "../answer.ts";
import { cutAroundMatch, matchHints } from "../cut-around-match.ts";
import { defineConsoleTool } from "../console-tool.ts";
import type { ToolSettings } from "../console-tool.ts";
import { counted } from "../counted.ts";
import { describeError } from "../describe-error.ts";
import { fitLines } from "../fit-lines.ts";
import { anyQuoted, QUOTED_PATHS_NOTE, shownPath } from "../shown-text.ts";

const MAX_MATCHES = 200;
const MAX_LINE_CHARACTERS = 300;
const MAX_PATTERN_CHARACTERS = 2000;

export function grepTool(settings: ToolSettings): StructuredTool {
  return defineConsoleTool(settings, {
    name: "grep",
    description: [
      "Find lines in text files by a regular expression (RE2: no look-around, no back-references).",
      `Returns how many there are, then \`path:line: text\` for each, at most ${MAX_MATCHES}; lines over ${MAX_LINE_CHARACTERS} characters are cut around the match.`,
    ].join("\n"),
    schema: z.strictObject({
      pattern: z
        .string()
        .min(1, "must not be empty")
        .max(MAX_PATTERN_CHARACTERS)
        .describe("What to find within a line."),
      path: z
        .string()
        .optional()
        .describe("File or directory to search. Default the working directory."),
      glob: z
        .string()
        .optional()
        .describe("Search only files of this name or path: `*.ts`, `src/**/*.py`."),
      literal: z.boolean().optional().describe("Take the pattern as plain text. Default false."),
      ignore_case: z.boolean().optional().describe("Default false."),
      hidden: z
        .boolean()
        .optional()
        .describe("Also search files and directories that begin with a dot. Default false."),
    }),
    async run(
      { pattern, path, glob, literal = false, ignore_case = false, hidden = false },
      scope,
    ) {
      const { sandbox, signal } = scope;
      const result = await sandbox
        .grep(pattern, {
          path: path ?? sandbox.workDir,
          ...(glob !== undefined && { glob }),
          literal,
          ignoreCase: ignore_case,
          hidden,
          limit: MAX_MATCHES,
          signal,
        })
        .catch((error: unknown) => {
          if (SandboxError.isInstance(error) && error.code === "invalid-argument") return error;
          throw error;
        });
      if (SandboxError.isInstance(result)) {
        return failed(`${describeError(result)} To find it as plain text, use literal=true.`);
      }
      const where = shownPath(path ?? sandbox.workDir);
      if (result.matches.length === 0) {
        return succeeded(describeNone(where, { truncated: result.truncated, hidden }));
      }
      const hints = matchHints(pattern, literal);
      return succeeded(describeMatches(result, { where, hints, settings }));
    },
  });
}

function describeNone(
  where: string,
  { truncated, hidden }: { truncated: boolean; hidden: boolean },
): string {
  if (truncated) {
    return `The search in ${where} took too long and found nothing before it was stopped. Search in a smaller directory or with a glob.`;
  }
  const left = hidden
    ? ""
    : " Names that begin with a dot were left out; hidden=true searches them.";
  return `No line in ${where} matches.${left}`;
}

function describeMatches(
  { matches, truncated }: GrepResult,
  { where, hints, settings }: { where: string; hints: readonly string[]; settings: ToolSettings },
): string {
  const rows = matches.map(
    ({ path, line, text }) =>
      `${shownPath(path)}:${line}: ${cutAroundMatch(text, { hints, maxCharacters: MAX_LINE_CHARACTERS })}`,
  );
  const { shown, left } = fitLines(rows, settings.maxResultCharacters);
  const files = counted(new Set(matches.map(({ path }) => path)).size, "file");
  return [
    `${where}: ${counted(matches.length, "line")} in ${files}${truncated ? ", and there may be more" : ""}`,
    ...shown,
    ...(left > 0 ? [`[${left} more do not fit.]`] : []),
    ...(left > 0 || truncated
      ? ["[Give a narrower pattern, path or glob to see the others.]"]
      : []),
    ...(anyQuoted(shown) ? [QUOTED_PATHS_NOTE] : []),
  ].join("\n");
}
