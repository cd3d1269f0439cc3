import { memo, useMemo, useState } from "react";
import type { ReactElement } from "react";
import { parseAnsi } from "../text/ansi.ts";
import { countOf } from "../text/measures.ts";
import { VisibleText } from "../ui/visible-text.tsx";
import { boundLines } from "./bounded-text.ts";

const COLLAPSED_LINES = 12;
/** Most characters that are drawn of one text, however far it is opened. */
const MAX_DRAWN = 200_000;

export interface LongTextProps {
  text: string;
  /** Which part of a text too long to be shown whole. */
  keep: "start" | "end";
  /** What a screen reader calls it. */
  label: string;
  /** Colours of a terminal are drawn. @default false */
  terminal?: boolean;
}

/** Text in a fixed-width face, a dozen lines of it until more is asked for. */
export const LongText = memo(function LongText(props: LongTextProps): ReactElement {
  const { text, keep, label, terminal = false } = props;
  const [open, setOpen] = useState(false);
  const drawn = keep === "start" ? text.slice(0, MAX_DRAWN) : text.slice(-MAX_DRAWN);
  const collapsed = useMemo(() => boundLines(drawn, COLLAPSED_LINES, keep), [drawn, keep]);
  const shown = open ? drawn : collapsed.text;
  const toggle = collapsed.hiddenLines > 0 && (
    <button type="button" className="text-button more" onClick={() => setOpen(!open)}>
      {open ? "Show less" : `Show ${countOf(collapsed.hiddenLines, "more line")}`}
    </button>
  );
  const cut = drawn.length < text.length && open && (
    <p className="muted more">
      {countOf(text.length - drawn.length, "character")} at the{" "}
      {keep === "start" ? "end" : "beginning"} {"are not shown."}
    </p>
  );
  return (
    <div className="long-text">
      {keep === "end" && toggle}
      {keep === "end" && cut}
      <pre className="mono-block" tabIndex={0} role="group" aria-label={label}>
        {terminal ? <TerminalText text={shown} /> : <VisibleText text={shown} />}
      </pre>
      {keep === "start" && cut}
      {keep === "start" && toggle}
    </div>
  );
});

function TerminalText({ text }: { text: string }): ReactElement {
  const pieces = useMemo(() => parseAnsi(text), [text]);
  return (
    <>
      {pieces.map((piece, index) => (
        <span key={index} className={piece.className || undefined}>
          <VisibleText text={piece.text} />
        </span>
      ))}
    </>
  );
}
