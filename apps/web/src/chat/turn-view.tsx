import { memo, useState } from "react";
import type { ReactElement } from "react";
import { Notice } from "../ui/notice.tsx";
import { Spinner } from "../ui/spinner.tsx";
import { VisibleText } from "../ui/visible-text.tsx";
import { AnswerText } from "./answer-text.tsx";
import type { Turn } from "./conversation.ts";
import { isActive } from "./conversation.ts";
import { LongText } from "./long-text.tsx";
import { ToolCard } from "./tool-card.tsx";

const SHOWN_PARTS = 60;
const MAX_BUBBLE = 4000;

export interface TurnViewProps {
  turn: Turn;
  /** Send the same message again; `null` where that is not possible now. */
  onRetry: ((message: string) => void) | null;
  onOpenFile: (path: string) => void;
}

export const TurnView = memo(function TurnView(props: TurnViewProps): ReactElement {
  const { turn, onRetry, onOpenFile } = props;
  const [all, setAll] = useState(false);
  // What was said after a call had its result to go on from: that call was not the one stopped.
  const lastText = turn.parts.findLastIndex((part) => part.type === "text");
  const first = all ? 0 : Math.max(0, turn.parts.length - SHOWN_PARTS);
  return (
    <article className="turn" data-testid="turn" data-state={turn.state}>
      <div className="user-message" data-testid="user-message" dir="auto">
        <span className="visually-hidden">You said: </span>
        {turn.message.length > MAX_BUBBLE ? (
          <LongText text={turn.message} keep="start" label="Your message" />
        ) : (
          <VisibleText text={turn.message} />
        )}
      </div>
      <div className="assistant-message" data-testid="assistant-message">
        {first > 0 && (
          <button type="button" className="text-button" onClick={() => setAll(true)}>
            Show {first} earlier steps
          </button>
        )}
        {turn.parts
          .slice(first)
          .map((part, index) =>
            part.type === "text" ? (
              <AnswerText key={first + index} text={part.text} />
            ) : (
              <ToolCard
                key={first + index}
                tool={part}
                stopped={turn.state === "cancelled" && first + index > lastText}
                onOpenFile={onOpenFile}
              />
            ),
          )}
        <TurnState turn={turn} onRetry={onRetry} />
      </div>
    </article>
  );
});

function TurnState({ turn, onRetry }: Omit<TurnViewProps, "onOpenFile">): ReactElement | null {
  if (isActive(turn)) {
    const last = turn.parts.at(-1);
    if (last?.type === "tool" && last.status === "running") return null;
    return (
      <p className="turn-working">
        <Spinner />
        {turn.state === "sending" ? "Sending" : "Working"}
      </p>
    );
  }
  if (turn.state === "cancelled") {
    // Any other code than that of the stop button is something that the person did not do.
    return turn.error === null || turn.error.code === "aborted" ? (
      <p className="muted">Stopped.</p>
    ) : (
      <Notice tone="warning" title="The answer was stopped." error={turn.error} />
    );
  }
  if (turn.state !== "failed") return null;
  return (
    <Notice
      tone="error"
      title="The answer failed."
      {...(turn.error && { error: turn.error })}
      actions={
        onRetry && (
          <button type="button" className="button" onClick={() => onRetry(turn.message)}>
            Try again
          </button>
        )
      }
    />
  );
}
