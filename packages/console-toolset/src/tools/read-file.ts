import { DEFAULT_READ_LINES } from "@carrel/backend-protocol";
import type { LineRange } from "@carrel/backend-protocol";
import type { StructuredTool } from "@langchain/core/tools";
import { z } from "zod";
import { failed, succeeded } from "../answer.ts";
import type { Answer } from "../answer.ts";
import { defineConsoleTool } from "../console-tool.ts";
import type { ToolSettings } from "../console-tool.ts";
import { counted } from "../counted.ts";
import { fitLines } from "../fit-lines.ts";
import { shownPath } from "../shown-text.ts";

const MAX_LINE_CHARACTERS = 2000;

export function readFileTool(settings: ToolSettings): StructuredTool {
  return defineConsoleTool(settings, {
    name: "read_file",
    description: [
      `Read a text file, up to ${DEFAULT_READ_LINES} lines at once.`,
      `Returns each line as its number in the file, a tab and the text; lines over ${MAX_LINE_CHARACTERS} characters are cut. If there is more, the last line says how to go on.`,
    ].join("\n"),
    schema: z.strictObject({
      path: z.string().describe("File, absolute or relative to the working directory."),
      offset: z
        .int()
        .min(0)
        .optional()
        .describe("How many lines to skip: 100 begins with line 101. Default 0."),
      limit: z
        .int()
        .min(1)
        .optional()
        .describe(`Most lines to return. Default ${DEFAULT_READ_LINES}.`),
    }),
    async run({ path, offset = 0, limit = DEFAULT_READ_LINES }, { sandbox, signal, threadId }) {
      return settings.fileVersions.use({ sandbox, threadId, path }, async (file) => {
        const range = await sandbox.readLines(path, { offset, limit, signal });
        if (range === null) {
          return failed(`there is no file ${shownPath(path)}. Check the path.`);
        }
        file.remember(range.hash);
        return describeRange(path, range, settings.maxResultCharacters);
      });
    },
  });
}

function describeRange(path: string, range: LineRange, maxCharacters: number): Answer {
  const { lines, offset, totalLines } = range;
  if (range.binary) {
    return failed(
      `${shownPath(path)} is a binary file and cannot be read as text. Look at it with a command.`,
    );
  }
  if (lines.length === 0) {
    if (offset === 0) return succeeded(`[${shownPath(path)} is empty.]`);
    const has = totalLines === null ? "fewer lines" : `only ${counted(totalLines, "line")}`;
    return failed(`offset=${offset} is past the end: ${shownPath(path)} has ${has}.`);
  }
  const cut = new Set(range.cutLines);
  const numbered = lines.map((line, index) => numberLine(offset + index + 1, line, cut.has(index)));
  const { shown, left } = fitLines(numbered, maxCharacters);
  const end = offset + shown.length;
  const note = describeRest({ ...range, nextOffset: left > 0 ? end : range.nextOffset }, end);
  return succeeded([...shown, ...note].join("\n"));
}

function numberLine(number: number, line: string, cutBySandbox: boolean): string {
  // The \r of a CRLF line break is no part of the text that the model works with.
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  const prefix = `${String(number).padStart(6)}\t`;
  if (text.length <= MAX_LINE_CHARACTERS)
    return prefix + visible(text) + (cutBySandbox ? "[… cut]" : "");
  const more = text.length - MAX_LINE_CHARACTERS;
  const count = cutBySandbox ? `more than ${more}` : String(more);
  return `${prefix}${visible(text.slice(0, MAX_LINE_CHARACTERS))}[… ${count} more characters]`;
}

// A NUL is what databases refuse to store; half a character is what a cut can leave behind.
function visible(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}

function describeRest({ offset, totalLines, nextOffset }: LineRange, end: number): string[] {
  const of = totalLines === null ? "" : ` of ${totalLines}`;
  if (nextOffset !== null) {
    return [
      `[Lines ${offset + 1} to ${end}${of}. There is more: use offset=${nextOffset} to go on.]`,
    ];
  }
  return offset > 0 ? [`[Lines ${offset + 1} to ${end}${of}: the end of the file.]`] : [];
}
