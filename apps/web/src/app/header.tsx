import type { WireHealth } from "@carrel/server";
import type { ReactElement } from "react";
import { Icon } from "../ui/icon.tsx";
import { Logo } from "../ui/logo.tsx";
import { Popover } from "../ui/popover.tsx";
import { VisibleName } from "../ui/visible-text.tsx";
import { HealthBadges } from "./health-badges.tsx";

export interface HeaderProps {
  user: string;
  health: WireHealth | null;
  onNewChat: () => void;
  onSwitchUser: () => void;
}

export function Header({ user, health, onNewChat, onSwitchUser }: HeaderProps): ReactElement {
  return (
    <header className="header">
      <div className="brand">
        <Logo />
        <h1>Carrel</h1>
      </div>
      <div className="header-badges">
        <HealthBadges health={health} />
      </div>
      <button
        type="button"
        className="button button-quiet"
        data-testid="new-chat"
        onClick={onNewChat}
      >
        <Icon name="plus" />
        <span className="wide-only">New chat</span>
        <span className="narrow-only visually-hidden">New chat</span>
      </button>
      <Popover
        className="button button-quiet user-button"
        testId="user-menu"
        align="end"
        button={
          <>
            <Icon name="user" />
            <span className="user-name" data-testid="current-user">
              <VisibleName name={user} />
            </span>
          </>
        }
      >
        <p>
          Signed in as{" "}
          <strong>
            <VisibleName name={user} />
          </strong>
        </p>
        <p className="muted">There is no login yet: this is only a name on this machine.</p>
        <button type="button" className="button" data-testid="switch-user" onClick={onSwitchUser}>
          Switch user
        </button>
      </Popover>
    </header>
  );
}
