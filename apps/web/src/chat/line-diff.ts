import { diffLines } from "diff";

export interface DiffLine {
  kind: "added" | "removed" | "same";
  /** Number of the line in the old and in the new file, from 1; `null` where it is not in it. */
  oldLine: number | null;
  newLine: number | null;
  text: string;
}

/** Lines of one hunk after another; `hidden` unchanged lines were left out between two of them. */
export type DiffRow = DiffLine | { kind: "gap"; hidden: number };

/** Texts with more differences than this are shown as all old, then all new. */
const MAX_EDIT_LENGTH = 2000;
const CONTEXT_LINES = 3;

/** @param firstLine number of the line on which both texts begin, from 1 */
export function lineDiff(oldText: string, newText: string, firstLine: number): DiffLine[] {
  const changes = diffLines(endLine(oldText), endLine(newText), {
    maxEditLength: MAX_EDIT_LENGTH,
  }) ?? [
    { value: oldText, added: false, removed: true },
    { value: newText, added: true, removed: false },
  ];
  const lines: DiffLine[] = [];
  let oldLine = firstLine;
  let newLine = firstLine;
  for (const { value, added, removed } of changes) {
    for (const text of linesOf(value)) {
      if (added) lines.push({ kind: "added", oldLine: null, newLine: newLine++, text });
      else if (removed) lines.push({ kind: "removed", oldLine: oldLine++, newLine: null, text });
      else lines.push({ kind: "same", oldLine: oldLine++, newLine: newLine++, text });
    }
  }
  return lines;
}

/** The same lines without the unchanged ones that are far from a change. */
export function foldUnchanged(lines: readonly DiffLine[]): DiffRow[] {
  const near = lines.map(() => false);
  lines.forEach((line, index) => {
    if (line.kind === "same") return;
    near.fill(true, Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1);
  });
  const rows: DiffRow[] = [];
  for (const [index, line] of lines.entries()) {
    const last = rows.at(-1);
    if (near[index]) rows.push(line);
    else if (last?.kind === "gap") last.hidden += 1;
    else rows.push({ kind: "gap", hidden: 1 });
  }
  return rows;
}

// The texts are pieces of a file: whether the last line of a piece ends in a line break says
// nothing about the line.
function endLine(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function linesOf(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}
