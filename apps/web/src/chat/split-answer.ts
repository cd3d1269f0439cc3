interface AnswerPiece {
  text: string;
  /** Worth formatting; otherwise it is shown as it is. */
  formatted: boolean;
}

export interface SplitAnswer {
  pieces: AnswerPiece[];
  /** Characters at the end that are in no piece. */
  dropped: number;
}

/** Most characters that are drawn of one answer. */
const MAX_DRAWN = 400_000;
/** Smaller pieces are joined: each costs something of its own. */
const MIN_PIECE = 1500;
const MAX_PIECE = 20_000;
const MAX_CODE_PIECE = 60_000;
const MAX_LINES = 1500;
/**
 * Time for formatting grows with the square of the marks in one paragraph: with this many it takes
 * about a tenth of a second.
 */
const MAX_MARKS = 2000;

/** So many lists or quotes in each other on one line: no one means that, and it takes minutes. */
const NESTED = /^[ \t]*(?:(?:[-+*>]|\d{1,9}[.)])[ \t]+){30}/m;
const MARKS = /[*_~[\]<>`!]/g;
const LINE_BREAKS = /\n/g;
const FENCE = /^\s*(`{3,}|~{3,})(.*)$/;
/** Could belong to what stands before the empty line: an item of a list, or what is indented below it. */
const CONTINUES = /^(?:\s|[-*+](?:\s|$)|\d+(?:[.)]|$))/;

/**
 * An answer in pieces that can be formatted one by one. While an answer grows, all pieces but the
 * last stay as they are, so that only that one is formatted again; and no piece, whatever a model
 * was made to write, takes long.
 */
export function splitAnswer(text: string): SplitAnswer {
  const drawn = text.slice(0, MAX_DRAWN);
  const pieces: AnswerPiece[] = [];
  let start = 0;
  let position = 0;
  let fence: string | null = null;
  let afterEmptyLine = false;
  for (const line of drawn.split("\n")) {
    const canEnd = fence === null && afterEmptyLine && !CONTINUES.test(line);
    if (canEnd && position - start >= MIN_PIECE) {
      pieces.push(pieceOf(drawn.slice(start, position)));
      start = position;
    }
    fence = fenceAfter(line, fence);
    afterEmptyLine = line.trim() === "";
    position += line.length + 1;
  }
  if (start < drawn.length) pieces.push(pieceOf(drawn.slice(start)));
  return { pieces, dropped: text.length - drawn.length };
}

/** The fence of the code block that is open after this line. */
function fenceAfter(line: string, open: string | null): string | null {
  const [, marks, rest] = FENCE.exec(line) ?? [];
  if (marks === undefined) return open;
  if (open === null) return marks;
  const closes = marks[0] === open[0] && marks.length >= open.length && rest?.trim() === "";
  return closes ? null : open;
}

function pieceOf(text: string): AnswerPiece {
  const isCode = FENCE.test(text.slice(0, text.indexOf("\n")));
  if (isCode) return { text, formatted: text.length <= MAX_CODE_PIECE };
  const costly =
    text.length > MAX_PIECE ||
    countOf(text, MARKS) > MAX_MARKS ||
    countOf(text, LINE_BREAKS) > MAX_LINES ||
    NESTED.test(text);
  return { text, formatted: !costly };
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
