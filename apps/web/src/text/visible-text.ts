/** A piece of a text: as it is, or the visible stand-in for one character. */
export interface TextSegment {
  text: string;
  escaped: boolean;
}

// Control and format characters (bidirectional overrides, zero-width ones), line separators,
// surrogates without a partner, and the letters that print as nothing.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/u;
const INVISIBLE_RUNS = new RegExp(INVISIBLE, "gu");
const LAYOUT = new Set(["\n", "\t"]);

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
};

/** Many stand-ins cost a page element each; a text with more than this gets them inline. */
const MAX_SEGMENTS = 2000;

/**
 * A text from outside in pieces that can be shown: characters that are invisible or that would
 * reorder their neighbours are given as escapes.
 */
export function visibleSegments(text: string, keep: "nothing" | "layout"): TextSegment[] {
  const segments: TextSegment[] = [];
  let start = 0;
  for (const { 0: character, index } of text.matchAll(INVISIBLE_RUNS)) {
    if (keep === "layout" && LAYOUT.has(character)) continue;
    if (index > start) segments.push({ text: text.slice(start, index), escaped: false });
    segments.push({ text: escapeCharacter(character), escaped: true });
    start = index + character.length;
  }
  if (start < text.length) segments.push({ text: text.slice(start), escaped: false });
  if (segments.length <= MAX_SEGMENTS) return segments;
  return [{ text: segments.map((segment) => segment.text).join(""), escaped: false }];
}

/** A name for places that take a string only: labels, titles. */
export function visibleName(name: string): string {
  return visibleSegments(name, "nothing")
    .map((segment) => segment.text)
    .join("");
}

function escapeCharacter(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  // The server gives a byte 0xNN of a name that is no UTF-8 as U+DCNN.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex(code - 0xdc00, 2)}`;
  if (code <= 0xff) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`;
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, "0");
}
