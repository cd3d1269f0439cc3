import { useState } from "react";
import type { ReactElement, ReactNode } from "react";
import type { ApiError } from "../api/api-error.ts";
import { Logo } from "../ui/logo.tsx";
import { Notice } from "../ui/notice.tsx";
import { MAX_USER_LENGTH } from "./remembered.ts";
import "./start-page.css";

export interface StartPageProps {
  /** The name that was tried last; "" for none. */
  user: string;
  error: ApiError | null;
  /** What a person must know of this server beforehand. */
  notice: ReactNode;
  /** What runs on this server. */
  badges: ReactNode;
  onStart: (user: string) => void;
}

/** The first thing a person sees: who is it? */
export function StartPage({ user, error, notice, badges, onStart }: StartPageProps): ReactElement {
  const [name, setName] = useState(user);
  const trimmed = name.trim();
  return (
    <main className="start">
      <form
        className="start-card"
        onSubmit={(event) => {
          event.preventDefault();
          if (trimmed !== "") onStart(trimmed);
        }}
      >
        <div className="start-brand">
          <Logo />
          <h1>Carrel</h1>
        </div>
        <p className="start-lead">A private computer for you, shared with an agent.</p>
        <label className="field">
          <span>Your name</span>
          <input
            className="input"
            data-testid="user-name"
            name="user"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            maxLength={MAX_USER_LENGTH}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        {error && <Notice tone="error" title="The session could not be opened." error={error} />}
        <button
          type="submit"
          className="button button-accent start-button"
          data-testid="start"
          disabled={trimmed === ""}
        >
          {error ? "Try again" : "Start"}
        </button>
        <p className="start-note">
          There is no login yet: this is only a name on this machine, and whoever enters it sees its
          files.
        </p>
        {notice}
        <div className="start-badges">{badges}</div>
      </form>
    </main>
  );
}
