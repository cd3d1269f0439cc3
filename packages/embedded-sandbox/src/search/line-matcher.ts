import { MAX_LINE_BYTES, SandboxError } from "@carrel/backend-protocol";
import { RE2JS, RE2JSSyntaxException } from "re2js";
import type { GrepJob } from "./search-job.ts";

/** Where the first match in a line begins, or -1. */
export type LineMatcher = (line: string) => number;

/** @throws `invalid-argument` where the expression cannot be parsed */
export function lineMatcher({ pattern, literal, ignoreCase }: GrepJob): LineMatcher {
  if (literal && !ignoreCase) return (line) => line.indexOf(pattern);
  const expression = compile(literal ? RE2JS.quote(pattern) : pattern, ignoreCase);
  return (line) => {
    const matcher = expression.matcher(line);
    return matcher.find() ? matcher.start() : -1;
  };
}

function compile(pattern: string, ignoreCase: boolean): RE2JS {
  try {
    return RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    throw new SandboxError({
      code: "invalid-argument",
      message: `The regular expression cannot be parsed (${error.message}); correct it, or search for literal text.`,
      cause: error,
    });
  }
}

/** The part of a line around a match that fits into {@link MAX_LINE_BYTES}. */
export function cutAround(line: string, matchStart: number): string {
  const bytes = Buffer.from(line, "utf8");
  if (bytes.length <= MAX_LINE_BYTES) return line;
  const matchByte = Buffer.byteLength(line.slice(0, matchStart));
  const start = Math.max(
    0,
    Math.min(matchByte - MAX_LINE_BYTES / 4, bytes.length - MAX_LINE_BYTES),
  );
  return wholeCharacters(bytes.subarray(start, start + MAX_LINE_BYTES));
}

// A cut may have split a character at either end; those bytes are left out.
function wholeCharacters(bytes: Buffer): string {
  let start = 0;
  while (start < 4 && (bytes[start]! & 0xc0) === 0x80) start++;
  return new TextDecoder().decode(bytes.subarray(start), { stream: true });
}
