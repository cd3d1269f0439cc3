import { SandboxError } from "@carrel/backend-protocol";
import type { EditOptions, EditResult, Sandbox, SandboxErrorCode } from "@carrel/backend-protocol";
import type { StructuredTool } from "@langchain/core/tools";
import { z } from "zod";
import { failed, succeeded } from "../answer.ts";
import type { Answer } from "../answer.ts";
import { defineConsoleTool } from "../console-tool.ts";
import type { ToolSettings } from "../console-tool.ts";
import { counted } from "../counted.ts";
import { findText } from "../find-text.ts";
import type { TextOccurrences } from "../find-text.ts";
import { shownPath } from "../shown-text.ts";

const MAX_LISTED_LINES = 10;

/** In a larger file it is not worth the transfer to count how often a text occurs. */
const MAX_SEARCHED_BYTES = 1024 * 1024;

/** Longer texts belong to `write_file` or a command; the file that is edited may be larger. */
const MAX_OLD_CHARACTERS = 64 * 1024;
const MAX_NEW_CHARACTERS = 256 * 1024;

interface Replacement {
  oldText: string;
  newText: string;
}

export function editFileTool(settings: ToolSettings): StructuredTool {
  return defineConsoleTool(settings, {
    name: "edit_file",
    description: [
      "Replace a text in a file, exactly as it stands there.",
      "Fails if it does not occur, if it occurs more than once (unless replace_all), or if the file changed since you last read it. Returns how often and where it was replaced.",
    ].join("\n"),
    schema: z.strictObject({
      path: z.string().describe("File, absolute or relative to the working directory."),
      old_string: z
        .string()
        .min(1, "must not be empty")
        .max(MAX_OLD_CHARACTERS)
        .describe(
          `The text to replace, with its indentation and without line numbers; enough of it to occur only once. At most ${MAX_OLD_CHARACTERS} characters.`,
        ),
      new_string: z
        .string()
        .max(MAX_NEW_CHARACTERS)
        .describe(
          `The text to put in its place; may be empty. At most ${MAX_NEW_CHARACTERS} characters.`,
        ),
      replace_all: z.boolean().optional().describe("Replace every occurrence. Default false."),
    }),
    async run(
      { path, old_string: oldText, new_string: newText, replace_all: replaceAll = false },
      { sandbox, signal, threadId },
    ) {
      if (oldText === newText) return failed("old_string and new_string are the same.");
      return settings.fileVersions.use({ sandbox, threadId, path }, async (file) => {
        const options = {
          replaceAll,
          signal,
          ...(file.hash !== undefined && { ifHash: file.hash }),
        };
        const texts = await lineBreakVariants(sandbox, { path, oldText, newText, signal });
        const edited = await editFirst(sandbox, path, { texts, options });
        if (typeof edited === "string") {
          return describeFailure(edited, { sandbox, path, texts, signal });
        }
        file.remember(edited.hash);
        const { path: absolute, replacements, firstLine } = edited;
        const where = `${replacements === 1 ? "at" : "the first at"} line ${firstLine}`;
        return succeeded(
          `Edited ${shownPath(absolute)}: replaced ${counted(replacements, "occurrence")}, ${where}.`,
          { kind: "edit", path: absolute, oldText, newText, replacements, firstLine },
        );
      });
    },
  });
}

/**
 * The replacement as the model wrote it, and with CRLF line breaks, which it is not shown: the
 * likelier first.
 */
async function lineBreakVariants(
  sandbox: Sandbox,
  { path, oldText, newText, signal }: Replacement & { path: string; signal: AbortSignal },
): Promise<Replacement[]> {
  const exact = { oldText, newText };
  const converted = { oldText: toCrlf(oldText), newText: toCrlf(newText) };
  if (converted.oldText === oldText && converted.newText === newText) return [exact];
  const beginning = await sandbox.readLines(path, { limit: 1, signal });
  const crlf = beginning?.lines[0]?.endsWith("\r") ?? false;
  if (crlf) return [converted, exact];
  // An old text of one line would match in both forms, so that only the first is ever tried.
  return [exact, converted];
}

function toCrlf(text: string): string {
  return text.replace(/\r?\n/g, "\r\n");
}

type ExpectedFailure = Extract<SandboxErrorCode, "no-match" | "ambiguous-match" | "conflict">;

async function editFirst(
  sandbox: Sandbox,
  path: string,
  { texts, options }: { texts: readonly Replacement[]; options: EditOptions },
): Promise<EditResult | ExpectedFailure> {
  for (const { oldText, newText } of texts) {
    try {
      return await sandbox.edit(path, oldText, newText, options);
    } catch (error) {
      if (!SandboxError.isInstance(error)) throw error;
      if (error.code === "ambiguous-match" || error.code === "conflict") return error.code;
      if (error.code !== "no-match") throw error;
    }
  }
  return "no-match";
}

async function describeFailure(
  failure: ExpectedFailure,
  {
    sandbox,
    path,
    texts,
    signal,
  }: { sandbox: Sandbox; path: string; texts: readonly Replacement[]; signal: AbortSignal },
): Promise<Answer> {
  const file = shownPath(path);
  if (failure === "conflict") {
    return failed(
      `${file} changed since you last read it, so it was not edited. Read it again, then decide.`,
    );
  }
  if (failure === "no-match") {
    return failed(`old_string does not occur in ${file}. ${adviseOnNoMatch(texts[0]!.oldText)}`);
  }
  const { total, lines } = await findOccurrences(sandbox, path, { texts, signal });
  const listed = lines.join(", ") + (total > lines.length ? ", …" : "");
  const times = total > 1 ? `${total} times (lines ${listed})` : "more than once";
  return failed(
    `old_string occurs ${times} in ${file}. Give more of the text around the one you mean, or use replace_all=true.`,
  );
}

function adviseOnNoMatch(oldText: string): string {
  if (oldText.split("\n").every((line) => line === "" || /^ *\d+\t/.test(line))) {
    return "It seems to begin with line numbers: leave out the number and the tab.";
  }
  if (oldText.includes("\ufffd")) {
    return "The character U+FFFD in it stands for bytes that are no UTF-8: leave it out, or edit with a command.";
  }
  return "Read the file again and copy the text exactly, with its spaces and tabs.";
}

async function findOccurrences(
  sandbox: Sandbox,
  path: string,
  { texts, signal }: { texts: readonly Replacement[]; signal: AbortSignal },
): Promise<TextOccurrences> {
  const content = await sandbox.read(path, { limit: MAX_SEARCHED_BYTES, signal });
  if (content === null || content.length === MAX_SEARCHED_BYTES) return { total: 0, lines: [] };
  const found = texts.map(({ oldText }) => findText(content, oldText, MAX_LISTED_LINES));
  return found.find(({ total }) => total > 0) ?? { total: 0, lines: [] };
}
