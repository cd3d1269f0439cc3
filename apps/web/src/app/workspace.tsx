import type { WireHealth } from "@carrel/server";
import { useCallback, useState } from "react";
import type { ReactElement } from "react";
import { ChatPanel } from "../chat/chat-panel.tsx";
import { isActive } from "../chat/conversation.ts";
import { useChatSession } from "../chat/use-chat-session.ts";
import { FilesPanel } from "../files/files-panel.tsx";
import { draftKey } from "../session/remembered.ts";
import type { SessionControl } from "../session/use-session.ts";
import { FallbackNotice } from "./fallback-notice.tsx";
import { Header } from "./header.tsx";
import { NewChatDialog } from "./new-chat-dialog.tsx";
import "./workspace.css";

export interface WorkspaceProps {
  session: SessionControl;
  open: { user: string; sessionId: string; replacesLost: boolean };
  health: WireHealth | null;
}

/** The page of an open session: the conversation, and the files beside it. */
export function Workspace({ session, open, health }: WorkspaceProps): ReactElement {
  const { user, sessionId, replacesLost } = open;
  const [chat, snapshot] = useChatSession(sessionId);
  const [tab, setTab] = useState<"chat" | "files">("chat");
  const [openPath, setOpenPath] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const [seenChanges, setSeenChanges] = useState(0);
  const { workspaceChanges } = snapshot;
  const running = snapshot.turns.some(isActive);

  const openFile = useCallback((path: string) => {
    setOpenPath(path);
    setTab("files");
  }, []);
  const lookForSession = useCallback(() => chat.refresh(), [chat]);
  const choose = (chosen: "chat" | "files") => {
    setTab(chosen);
    setSeenChanges(workspaceChanges);
  };

  return (
    <div className="workspace" data-tab={tab} data-viewing={openPath !== null}>
      <Header
        user={user}
        health={health}
        onNewChat={() => setAsking(true)}
        onSwitchUser={session.leave}
      />
      <FallbackNotice health={health} />
      <div className="tabs" role="group" aria-label="What is shown">
        <button type="button" aria-pressed={tab === "chat"} onClick={() => choose("chat")}>
          Chat
        </button>
        <button type="button" aria-pressed={tab === "files"} onClick={() => choose("files")}>
          Files
          {tab === "chat" && workspaceChanges > seenChanges && (
            <span className="tab-dot">
              <span className="visually-hidden">changed</span>
            </span>
          )}
        </button>
      </div>
      <main className="workspace-panels">
        <ChatPanel
          chat={chat}
          snapshot={snapshot}
          userName={user}
          draftKey={draftKey(user)}
          replacesLost={replacesLost}
          demo={health?.model.demo === true}
          onOpenFile={openFile}
          onNewSession={session.renew}
        />
        <FilesPanel
          sessionId={sessionId}
          revision={workspaceChanges}
          openPath={openPath}
          onOpenPath={setOpenPath}
          onMissing={lookForSession}
        />
      </main>
      {asking && (
        <NewChatDialog
          running={running}
          onConfirm={session.restart}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}
