import type { ReactElement } from "react";
import { adviceFor } from "../api/api-error.ts";
import type { ApiError } from "../api/api-error.ts";
import { Notice } from "../ui/notice.tsx";
import { VisibleText } from "../ui/visible-text.tsx";
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
  const { link, refusal, stopError } = snapshot;
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
          <span>It was ended elsewhere, or was not used for a long time. Your files are kept.</span>
        </Notice>
      )}
      {(link.state === "waiting" || link.state === "connecting") && link.error !== null && (
        <LostConnection link={link} error={link.error} onRetry={() => chat.refresh()} />
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

export interface LostConnectionProps {
  link: { state: string; attempt: number };
  error: ApiError;
  onRetry: () => void;
}

/** What keeps the page from showing the conversation, for as long as it tries again. */
export function LostConnection({ link, error, onRetry }: LostConnectionProps): ReactElement {
  return (
    <Notice
      tone="warning"
      title={
        error.isNetwork
          ? "The server cannot be reached. Trying again…"
          : "The server does not show the conversation now. Trying again…"
      }
      actions={
        <button
          type="button"
          className="button"
          disabled={link.state === "connecting"}
          onClick={onRetry}
        >
          Try now
        </button>
      }
    >
      {!error.isNetwork && (
        <span>
          <VisibleText text={error.message} />
        </span>
      )}
      {error.isNetwork && link.attempt > 2 && <span>{adviceFor("network")}</span>}
    </Notice>
  );
}
