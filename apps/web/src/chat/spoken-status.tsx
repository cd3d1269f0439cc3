import { useState } from "react";
import type { ReactElement } from "react";
import type { Turn } from "./conversation.ts";
import { isActive } from "./conversation.ts";

const MAX_SPOKEN = 600;

/**
 * Tells a screen reader when work begins, and the answer once it is complete: not every word as it
 * comes. It stands before what fills the panel: behind that it would stick out of the page.
 */
export function SpokenStatus({ turn }: { turn: Turn | undefined }): ReactElement {
  const active = turn !== undefined && isActive(turn);
  const [status, setStatus] = useState({ active: false, spoken: "" });
  if (turn && active !== status.active) {
    setStatus({ active, spoken: active ? "The agent is working." : endOf(turn) });
  }
  return (
    <div className="visually-hidden" role="status" data-testid="spoken-status">
      {status.spoken}
    </div>
  );
}

function endOf(turn: Turn): string {
  if (turn.state === "cancelled") return "Stopped.";
  // The notice in the conversation speaks for itself.
  if (turn.state === "failed") return "";
  const text = turn.parts.findLast((part) => part.type === "text");
  const answer = text?.type === "text" ? text.text : "";
  return answer.length > MAX_SPOKEN
    ? `${answer.slice(0, MAX_SPOKEN)}… The answer goes on.`
    : answer;
}
