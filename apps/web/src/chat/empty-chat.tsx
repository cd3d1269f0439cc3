import type { ReactElement } from "react";
import { VisibleName } from "../ui/visible-text.tsx";

// The demo model understands all of them too; in this order each has something to show.
const SUGGESTIONS = [
  "Create a hello world script and run it",
  "Write Good morning to notes.txt",
  "Replace morning with evening in notes.txt",
  "List the files",
];

export interface EmptyChatProps {
  userName: string;
  /** An earlier conversation is gone. */
  replacesLost: boolean;
  onChoose: (message: string) => void;
}

/** What a person sees before the first message. */
export function EmptyChat({ userName, replacesLost, onChoose }: EmptyChatProps): ReactElement {
  return (
    <div className="empty-chat">
      <h2>
        Hello, <VisibleName name={userName} />
      </h2>
      {replacesLost && (
        <p className="muted">The earlier conversation is gone; your files are here.</p>
      )}
      <p>
        You and the agent share a private computer. What it writes appears under Files; commands it
        runs are shown here as they run.
      </p>
      <ul aria-label="Suggestions">
        {SUGGESTIONS.map((suggestion) => (
          <li key={suggestion}>
            <button
              type="button"
              className="suggestion"
              data-testid="suggestion"
              onClick={() => onChoose(suggestion)}
            >
              {suggestion}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
