/** A note for results in which {@link shownPath} put a path in quotes. */
export const QUOTED_PATHS_NOTE =
  "[A path in double quotes is written as a JSON string because of its unusual characters: give it with the same escapes, without the quotes.]";

// Characters that end a line, that show nothing, or that change the direction of what follows.
const UNUSUAL =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/u;
const NOT_ESCAPED_BY_JSON = new RegExp(UNUSUAL.source, "gu");

/**
 * A path as one line in which every character can be seen. One that has others, or that could be
 * taken for a quoted one, is a JSON string.
 */
export function shownPath(path: string): string {
  if (!UNUSUAL.test(path) && !/^"|^\s|\s$|\/\s|\s\//.test(path)) return path;
  return JSON.stringify(path).replace(
    NOT_ESCAPED_BY_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether {@link shownPath} had to quote any of these. */
export function anyQuoted(shownPaths: readonly string[]): boolean {
  return shownPaths.some((path) => path.startsWith('"'));
}

/**
 * Text as a terminal would leave it standing: without escape sequences and control characters,
 * and of a line that was written over (a progress bar), what stood there in the end.
 */
export function shownText(text: string): string {
  return text
    .replace(ESCAPE_SEQUENCES, "")
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => line.slice(line.lastIndexOf("\r", line.length - 2) + 1))
    .join("\n")
    .replace(CONTROL_CHARACTERS, "");
}

// CSI; OSC and the other strings, which end in BEL or ST; then all that is shorter. Node's
// `stripVTControlCharacters` takes quadratic time on output that is made for it; this is linear.
// @see ECMA-48, 5.3 and 5.4
const ESCAPE_SEQUENCES =
  // oxlint-disable-next-line no-control-regex
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b\n]*(?:\u0007|\u001b\\)|[ -/]*[0-~])/g;

// All but tab and line feed.
// oxlint-disable-next-line no-control-regex
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
