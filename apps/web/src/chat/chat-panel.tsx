import { useCallback } from "react";
import type { ReactElement } from "react";
import { Icon } from "../ui/icon.tsx";
import { Spinner } from "../ui/spinner.tsx";
import type { ChatSession } from "./chat-session.ts";
import type { ChatSnapshot } from "./chat-snapshot.ts";
import { ChatNotices } from "./chat-notices.tsx";
import "./chat-panel.css";
import { Composer } from "./composer.tsx";
import { isActive } from "./conversation.ts";
import { EmptyChat } from "./empty-chat.tsx";
import { SpokenStatus } from "./spoken-status.tsx";
import { TurnList } from "./turn-list.tsx";
import { useDraft } from "./use-draft.ts";
import { useStickToBottom } from "./use-stick-to-bottom.ts";

export interface ChatPanelProps {
  chat: ChatSession;
  snapshot: ChatSnapshot;
  userName: string;
  /** Under which key what is being written is kept in this tab. */
  draftKey: string;
  /** An earlier conversation is gone, and this one stands in its place. */
  replacesLost: boolean;
  /** The demo model answers. */
  demo: boolean;
  onOpenFile: (path: string) => void;
  onNewSession: () => void;
}

export function ChatPanel(props: ChatPanelProps): ReactElement {
  const { chat, snapshot, userName, draftKey, replacesLost, demo, onOpenFile, onNewSession } =
    props;
  const { turns, loaded, link, refusal, stopping } = snapshot;
  const [draft, setDraft, clearDraft] = useDraft(draftKey, refusal);
  const { scroller, content, atBottom, toBottom } = useStickToBottom();
  const last = turns.at(-1);
  const running = last !== undefined && isActive(last);
  const canSend = loaded && !running && link.state === "up";
  // What is sent while the conversation is being loaded waits for it.
  const willSend = canSend || (!loaded && link.state !== "ended");

  const send = useCallback(
    (message: string) => {
      if (chat.send(message)) toBottom();
    },
    [chat, toBottom],
  );
  const sendDraft = async () => {
    await chat.loaded;
    if (!chat.send(draft)) return;
    clearDraft(draft);
    toBottom();
  };

  return (
    <section className="chat" aria-label="Chat">
      <SpokenStatus turn={last} />
      <div className="chat-scroller" ref={scroller}>
        <div className="chat-flow" ref={content}>
          <div className="chat-content" data-testid="messages">
            {!loaded && link.state === "connecting" && (
              <p className="turn-working">
                <Spinner />
                Loading the conversation
              </p>
            )}
            {loaded && turns.length === 0 && link.state !== "ended" && (
              <EmptyChat userName={userName} replacesLost={replacesLost} onChoose={send} />
            )}
            <TurnList turns={turns} onRetry={canSend ? send : null} onOpenFile={onOpenFile} />
          </div>
          <div className="chat-foot">
            {!atBottom && turns.length > 0 && (
              <button
                type="button"
                className="jump"
                data-testid="jump-to-latest"
                onClick={toBottom}
              >
                <Icon name="arrow-down" />
                Jump to latest
              </button>
            )}
            <ChatNotices
              chat={chat}
              snapshot={snapshot}
              onNewSession={onNewSession}
              onSend={canSend && draft.trim() !== "" ? () => void sendDraft() : null}
            />
            <Composer
              draft={draft}
              onDraft={setDraft}
              running={running}
              stopDisabled={stopping || last?.state === "sending"}
              canSend={willSend}
              onSend={() => void sendDraft()}
              onStop={() => void chat.stop()}
            />
            <p className="chat-hint">
              {demo
                ? "The demo model follows fixed rules. It is no AI."
                : "Enter sends, Shift+Enter begins a new line."}
            </p>
          </div>
        </div>
      </div>
    </section>
  );
}
