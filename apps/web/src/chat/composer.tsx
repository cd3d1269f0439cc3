import { useEffect, useRef } from "react";
import type { KeyboardEvent, ReactElement } from "react";
import { Icon } from "../ui/icon.tsx";
import { Spinner } from "../ui/spinner.tsx";

/** The server takes no longer message. */
const MAX_MESSAGE_LENGTH = 100_000;
const MAX_ROWS = 10;

export interface ComposerProps {
  draft: string;
  onDraft: (draft: string) => void;
  /** An answer is under way: it can be stopped, and nothing else be sent. */
  running: boolean;
  /** It was asked to stop, or cannot be yet. */
  stopDisabled: boolean;
  /** The server would take a message. */
  canSend: boolean;
  onSend: () => void;
  onStop: () => void;
}

export function Composer(props: ComposerProps): ReactElement {
  const { draft, onDraft, running, stopDisabled, canSend, onSend, onStop } = props;
  const box = useRef<HTMLTextAreaElement>(null);
  const ready = canSend && draft.trim() !== "";

  useEffect(() => {
    // On a phone the keyboard would cover the page before anything was read.
    if (window.matchMedia("(hover: hover)").matches) box.current?.focus();
  }, []);

  useEffect(() => {
    // Sending may take away what was focused: a suggestion, a button of a notice.
    if (running && document.activeElement === document.body) box.current?.focus();
  }, [running]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (ready) onSend();
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) onSend();
      }}
    >
      <textarea
        ref={box}
        className="composer-box"
        data-testid="message-box"
        aria-label="Message"
        placeholder="Message the agent"
        rows={Math.min(MAX_ROWS, draft.split("\n").length)}
        maxLength={MAX_MESSAGE_LENGTH}
        enterKeyHint="send"
        dir="auto"
        value={draft}
        onChange={(event) => onDraft(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {running ? (
        <button
          type="button"
          className="round-button round-button-stop"
          data-testid="stop"
          aria-label="Stop"
          title="Stop the answer"
          disabled={stopDisabled}
          onClick={onStop}
        >
          {stopDisabled ? <Spinner /> : <span className="stop-square" aria-hidden="true" />}
        </button>
      ) : (
        <button
          type="submit"
          className="round-button"
          data-testid="send"
          aria-label="Send"
          title="Send (Enter)"
          disabled={!ready}
        >
          <Icon name="arrow-up" />
        </button>
      )}
    </form>
  );
}
