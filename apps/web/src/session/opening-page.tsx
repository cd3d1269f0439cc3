import type { WireStartProgress } from "@carrel/server";
import type { ReactElement } from "react";
import { Spinner } from "../ui/spinner.tsx";
import { VisibleText } from "../ui/visible-text.tsx";
import "./opening-page.css";

const PHASES = {
  queued: "Waiting for your turn",
  waking: "Waking your computer",
  pulling: "Pulling the image",
  building: "Building the image",
  creating: "Making your computer",
  claiming: "Taking a computer that is ready",
  starting: "Starting your computer",
} as const satisfies Record<WireStartProgress["phase"], string>;

export interface OpeningPageProps {
  /** `null` until the server tells. */
  progress: WireStartProgress | null;
  onCancel: () => void;
}

/** What a person sees while the session is opened: an image that is pulled takes minutes. */
export function OpeningPage({ progress, onCancel }: OpeningPageProps): ReactElement {
  return (
    <main className="opening">
      <div className="opening-progress">
        <div role="status" data-testid="opening">
          <p className="opening-phase">
            <Spinner />
            {progress ? PHASES[progress.phase] : "Opening your session"} …
          </p>
          {progress?.detail !== undefined && (
            <p className="muted">
              <VisibleText text={progress.detail} />
            </p>
          )}
        </div>
        <button type="button" className="button button-quiet" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </main>
  );
}
