import { diffLines } from "diff";

export interface DiffLine {
  kind: "added" | "removed" | "same";
  text: string;
}

/** Lines of one hunk after another; `hidden` unchanged lines were left out between two of them. */
export type DiffRow = DiffLine | { kind: "gap"; hidden: number };

/** Texts with more differences than this are shown as all old, then all new. */
const MAX_EDIT_LENGTH = 2000;
const CONTEXT_LINES = 3;

export function lineDiff(oldText: string, newText: string): DiffLine[] {
  const changes = diffLines(endLine(oldText), endLine(newText), {
    maxEditLength: MAX_EDIT_LENGTH,
  }) ?? [
    { value: oldText, added: false, removed: true },
    { value: newText, added: true, removed: false },
  ];
  return changes.flatMap(({ value, added, removed }) => {
    const kind = added ? "added" : removed ? "removed" : "same";
    return linesOf(value).map((text) => ({ kind, text }));
  });
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
