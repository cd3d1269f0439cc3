import { memo, useMemo } from "react";
import type { ReactElement } from "react";
import { VisibleText } from "../ui/visible-text.tsx";

/** More lines take long to lay out. */
const MAX_LINES = 20_000;

export interface TextViewProps {
  text: string;
  /** Called by a screen reader. */
  label: string;
}

/** Text with the numbers of its lines. */
export const TextView = memo(function TextView({ text, label }: TextViewProps): ReactElement {
  const { shown, numbers, hidden } = useMemo(() => {
    const body = text.endsWith("\n") ? text.slice(0, -1) : text;
    const lines = body.split("\n");
    const count = Math.min(lines.length, MAX_LINES);
    return {
      shown: lines.length > MAX_LINES ? lines.slice(0, MAX_LINES).join("\n") : body,
      numbers: Array.from({ length: count }, (_, index) => index + 1).join("\n"),
      hidden: lines.length - count,
    };
  }, [text]);
  return (
    <div className="text-view" tabIndex={0} role="region" aria-label={label}>
      <pre className="line-numbers" aria-hidden="true">
        {numbers}
      </pre>
      <pre className="text-lines" data-testid="viewer-text">
        <VisibleText text={shown} />
        {hidden > 0 && `\n… ${hidden} more lines`}
      </pre>
    </div>
  );
});
