import type { ReactElement } from "react";
import { Notice } from "../ui/notice.tsx";
import { Spinner } from "../ui/spinner.tsx";
import type { ChatSession } from "./chat-session.ts";
import type { ChatSnapshot } from "./chat-snapshot.ts";

export interface ChatNoticesProps {
  chat: ChatSession;
  snapshot: ChatSnapshot;
  onNewSession: () => void;
  /** Send what stands in the message box. */
  onSend: (() => void) | null;
}

/** What stands between the person and the agent, right above the message box. */
export function ChatNotices(props: ChatNoticesProps): ReactElement {
  const { chat, snapshot, onNewSession, onSend } = props;
  const { link, refusal, stopError, loaded } = snapshot;
  return (
    <>
      {link.state === "ended" && (
        <Notice
          tone="warning"
          title="This session has ended."
          actions={
            <button type="button" className="button button-accent" onClick={onNewSession}>
              Start a new session
            </button>
          }
        >
          <span>
            It was idle for long, ended elsewhere, or the server restarted. Your files are kept.
          </span>
        </Notice>
      )}
      {link.state === "waiting" && (
        <Notice
          tone="warning"
          title={
            loaded
              ? "The connection was lost. Trying again…"
              : "The conversation could not be loaded. Trying again…"
          }
          error={link.error}
          actions={
            <button type="button" className="button" onClick={() => chat.refresh()}>
              Try now
            </button>
          }
        />
      )}
      {link.state === "connecting" && link.error !== null && (
        <Notice tone="warning" title="Connecting…">
          <Spinner />
        </Notice>
      )}
      {stopError && <Notice tone="error" title="Stopping did not work." error={stopError} />}
      {refusal && link.state !== "ended" && (
        <Notice
          tone="error"
          title="Your message was not sent. It is back in the box."
          error={refusal.error}
          actions={
            <>
              {onSend && (
                <button type="button" className="button" onClick={onSend}>
                  Send again
                </button>
              )}
              <button type="button" className="button" onClick={() => chat.dismissRefusal()}>
                Dismiss
              </button>
            </>
          }
        />
      )}
    </>
  );
}
