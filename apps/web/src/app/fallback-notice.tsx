import type { WireHealth } from "@carrel/server";
import { useState } from "react";
import type { ReactElement } from "react";
import { Notice } from "../ui/notice.tsx";
import { VisibleText } from "../ui/visible-text.tsx";

/** Says that a weaker kind of sandbox runs, because the one that would have been chosen could not be had. */
export function FallbackNotice({ health }: { health: WireHealth | null }): ReactElement | null {
  const [dismissed, setDismissed] = useState(false);
  if (!health?.sandbox.fallback || dismissed) return null;
  const { provider, reason } = health.sandbox;
  return (
    <div className="fallback-notice" data-testid="fallback-notice">
      <Notice
        tone="warning"
        title={`The sandboxes here are ${provider}, which is no boundary against an attacker.`}
        actions={
          <button type="button" className="button" onClick={() => setDismissed(true)}>
            Dismiss
          </button>
        }
      >
        <span>
          <VisibleText text={reason} />
        </span>
      </Notice>
    </div>
  );
}
