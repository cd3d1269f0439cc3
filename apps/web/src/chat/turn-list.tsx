import { useState } from "react";
import type { ReactElement } from "react";
import { countOf } from "../text/measures.ts";
import type { Turn } from "./conversation.ts";
import { TurnView } from "./turn-view.tsx";

/** How many turns are drawn at first, and how many more each time. */
const TURNS_STEP = 20;

export interface TurnListProps {
  turns: readonly Turn[];
  /** Send a message again; `null` where that is not possible now. */
  onRetry: ((message: string) => void) | null;
  onOpenFile: (path: string) => void;
}

/** The latest turns, and the earlier ones as far as they were asked for. */
export function TurnList({ turns, onRetry, onOpenFile }: TurnListProps): ReactElement {
  const [shown, setShown] = useState(TURNS_STEP);
  const first = Math.max(0, turns.length - shown);
  return (
    <>
      {first > 0 && (
        <button
          type="button"
          className="text-button earlier"
          onClick={() => setShown(shown + TURNS_STEP)}
        >
          Show {countOf(Math.min(TURNS_STEP, first), "earlier message")}
        </button>
      )}
      {turns.slice(first).map((turn, index) => (
        <TurnView
          key={first + index}
          turn={turn}
          onRetry={first + index === turns.length - 1 ? onRetry : null}
          onOpenFile={onOpenFile}
        />
      ))}
    </>
  );
}
