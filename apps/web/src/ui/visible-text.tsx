import { memo, useMemo } from "react";
import type { ReactElement } from "react";
import { visibleSegments } from "../text/visible-text.ts";

/** A name from outside on one line, isolated from the direction of the text around it. */
export const VisibleName = memo(function VisibleName({ name }: { name: string }): ReactElement {
  return (
    <bdi className="visible-name">
      <Segments text={name} keep="nothing" />
    </bdi>
  );
});

/** A text from outside, with its line breaks. */
export const VisibleText = memo(function VisibleText({ text }: { text: string }): ReactElement {
  return <Segments text={text} keep="layout" />;
});

function Segments({ text, keep }: { text: string; keep: "nothing" | "layout" }): ReactElement {
  const segments = useMemo(() => visibleSegments(text, keep), [text, keep]);
  return (
    <>
      {segments.map((segment, index) =>
        segment.escaped ? (
          <span key={index} className="escape">
            {segment.text}
          </span>
        ) : (
          segment.text
        ),
      )}
    </>
  );
}
