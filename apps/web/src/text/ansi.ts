/** A piece of a command's output with how it is to be shown: names of CSS classes, or "". */
export interface StyledText {
  text: string;
  className: string;
}

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

// The bodies of control strings (OSC, DCS, APC, PM, SOS) exclude the characters that could begin
// another one, so that the search is linear in hostile output too.
const ESCAPE_SEQUENCE = new RegExp(
  [
    String.raw`(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])`,
    String.raw`(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)`,
    String.raw`\x1b[ -/]*[0-~]?`,
  ].join("|"),
  "g",
);

interface Style {
  colour: string | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

const PLAIN: Style = { colour: null, bold: false, dim: false, italic: false, underline: false };

/**
 * The output of a command without its terminal escapes: the sixteen colours and weights become
 * class names, everything else (links, titles, clipboard, cursor) is dropped.
 */
export function parseAnsi(output: string): StyledText[] {
  const text = overwriteLines(output);
  const pieces: StyledText[] = [];
  let style = PLAIN;
  let start = 0;
  const push = (end: number) => {
    if (end > start) pieces.push({ text: text.slice(start, end), className: classNames(style) });
  };
  for (const match of text.matchAll(ESCAPE_SEQUENCE)) {
    push(match.index);
    if (match[2] === "m") style = applyGraphics(style, match[1] ?? "");
    start = match.index + match[0].length;
  }
  push(text.length);
  return pieces;
}

/** What a terminal shows after carriage returns: of a line that was written over, the last state. */
function overwriteLines(output: string): string {
  const text = output.replaceAll(/\r+\n/g, "\n");
  if (!text.includes("\r")) return text;
  return text
    .split("\n")
    .map((line) => {
      const written = line.replace(/\r+$/, "");
      return written.slice(written.lastIndexOf("\r") + 1);
    })
    .join("\n");
}

function applyGraphics(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(Number);
  const next = { ...style };
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 38 || code === 48) {
      const [colour, used] = extendedColour(codes.slice(index + 1));
      if (code === 38) next.colour = colour;
      index += used;
    } else {
      applyCode(next, code);
    }
  }
  return next;
}

/** The colour that follows a 38 or 48, and how many numbers it took. Beyond sixteen: no colour. */
function extendedColour(codes: readonly number[]): [string | null, number] {
  if (codes[0] === 2) return [null, 4];
  const palette = codes[1] ?? 16;
  return [palette < 16 ? colourName(palette % 8) : null, 2];
}

function applyCode(style: Style, code: number): void {
  if (code === 0) Object.assign(style, PLAIN);
  else if (code === 1) style.bold = true;
  else if (code === 2) style.dim = true;
  else if (code === 3) style.italic = true;
  else if (code === 4) style.underline = true;
  else if (code === 22) style.bold = style.dim = false;
  else if (code === 23) style.italic = false;
  else if (code === 24) style.underline = false;
  else if (code === 39) style.colour = null;
  else if (code >= 30 && code <= 37) style.colour = colourName(code - 30);
  else if (code >= 90 && code <= 97) style.colour = colourName(code - 90);
}

function colourName(index: number): string | null {
  return COLOURS[index] ?? null;
}

function classNames(style: Style): string {
  const names: string[] = [];
  if (style.colour !== null) names.push(`ansi-${style.colour}`);
  if (style.bold) names.push("ansi-bold");
  if (style.dim) names.push("ansi-dim");
  if (style.italic) names.push("ansi-italic");
  if (style.underline) names.push("ansi-underline");
  return names.join(" ");
}
