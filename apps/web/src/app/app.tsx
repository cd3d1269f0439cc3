import type { ReactElement } from "react";
import { OpeningPage } from "../session/opening-page.tsx";
import { StartPage } from "../session/start-page.tsx";
import { useSession } from "../session/use-session.ts";
import { FallbackNotice } from "./fallback-notice.tsx";
import { HealthBadges } from "./health-badges.tsx";
import { useHealth } from "./use-health.ts";
import { Workspace } from "./workspace.tsx";

export function App(): ReactElement {
  const session = useSession();
  const { state } = session;
  const health = useHealth(state.phase === "open" ? state.sessionId : null);
  if (state.phase === "open") {
    return <Workspace key={state.sessionId} session={session} open={state} health={health} />;
  }
  if (state.phase === "opening") {
    return <OpeningPage progress={state.progress} onCancel={session.leave} />;
  }
  return (
    <StartPage
      user={state.phase === "failed" ? state.user : ""}
      error={state.phase === "failed" ? state.error : null}
      notice={<FallbackNotice health={health} />}
      badges={<HealthBadges health={health} />}
      onStart={session.enter}
    />
  );
}
