import { useMemo, useState } from "react";
import type { ReactElement } from "react";
import { countOf } from "../text/measures.ts";
import { VisibleText } from "../ui/visible-text.tsx";
import { foldUnchanged, lineDiff } from "./line-diff.ts";
import type { DiffRow } from "./line-diff.ts";

const COLLAPSED_ROWS = 24;
const MAX_ROWS = 2000;
/** Larger texts are not compared. */
const MAX_COMPARED = 200_000;

const SIGNS = { added: "+", removed: "−", same: " " } as const;
const SPOKEN = { added: "added", removed: "removed", same: "" } as const;

export interface EditDiffProps {
  /** Any piece of the file: it may begin and end in the middle of a line. */
  oldText: string;
  newText: string;
  /** Number of the line on which the first replaced piece begins, from 1. */
  firstLine: number;
}

export function EditDiff({ oldText, newText, firstLine }: EditDiffProps): ReactElement {
  const [open, setOpen] = useState(false);
  const tooLarge = oldText.length + newText.length > MAX_COMPARED;
  const rows = useMemo(
    () => (tooLarge ? [] : foldUnchanged(lineDiff(oldText, newText))),
    [tooLarge, oldText, newText],
  );
  if (tooLarge) return <p className="muted more">The change is too large to be compared here.</p>;
  const shown = rows.slice(0, open ? MAX_ROWS : COLLAPSED_ROWS);
  const hidden = rows.length - shown.length;
  return (
    <>
      <p className="muted diff-where">Replaced text, from line {firstLine.toLocaleString("en")}</p>
      <div className="diff" tabIndex={0} role="group" aria-label="Changes">
        <table>
          <tbody>
            {shown.map((row, index) => (
              <DiffTableRow key={index} row={row} />
            ))}
          </tbody>
        </table>
      </div>
      {hidden > 0 && !open && (
        <button type="button" className="text-button more" onClick={() => setOpen(true)}>
          Show {countOf(hidden, "more line")}
        </button>
      )}
      {hidden > 0 && open && (
        <p className="muted more">{countOf(hidden, "more line")} not shown.</p>
      )}
    </>
  );
}

function DiffTableRow({ row }: { row: DiffRow }): ReactElement {
  if (row.kind === "gap") {
    return (
      <tr className="diff-gap">
        <td colSpan={2}>{countOf(row.hidden, "unchanged line")}</td>
      </tr>
    );
  }
  return (
    <tr className={`diff-${row.kind}`}>
      <td className="diff-sign">
        <span aria-hidden="true">{SIGNS[row.kind]}</span>
        <span className="visually-hidden">{SPOKEN[row.kind]}</span>
      </td>
      <td className="diff-text">
        <VisibleText text={row.text} />
      </td>
    </tr>
  );
}
