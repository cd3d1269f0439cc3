import { positionsOf } from "@carrel/backend-protocol";
import { shownText } from "./shown-text.ts";

/**
 * A line that matched, short enough to show, with the match in it where one of `hints` finds it.
 * The expression itself is not run here: on a hostile line it could hold up the whole process.
 */
export function cutAroundMatch(
  line: string,
  { hints, maxCharacters }: { hints: readonly string[]; maxCharacters: number },
): string {
  const text = shownText(line);
  if (text.length <= maxCharacters) return text;
  const middle = findFirst(text, hints);
  const start = Math.max(0, Math.min(middle - maxCharacters / 2, text.length - maxCharacters));
  const end = start + maxCharacters;
  const cut = text.slice(start, end).toWellFormed();
  return `${start > 0 ? "…" : ""}${cut}${end < text.length ? "…" : ""}`;
}

/** Text that a line which matches this pattern is likely to have, the best first. */
export function matchHints(pattern: string, literal: boolean): string[] {
  if (literal) return [pattern];
  return pattern
    .replace(/\\[A-Za-z]|\[[^\]]*\]|\(\?[a-zA-Z<:]*/g, " ")
    .split(/[^\p{L}\p{N}_-]+/u)
    .filter((part) => part !== "")
    .toSorted((a, b) => b.length - a.length)
    .slice(0, MAX_HINTS);
}

const MAX_HINTS = 5;

function findFirst(text: string, hints: readonly string[]): number {
  const units = codeUnits(text.toLowerCase());
  for (const hint of hints) {
    for (const place of positionsOf(units, codeUnits(hint.toLowerCase()))) return place;
  }
  return 0;
}

function codeUnits(text: string): Uint16Array {
  const units = new Uint16Array(text.length);
  for (let index = 0; index < text.length; index++) units[index] = text.charCodeAt(index);
  return units;
}
