import { useEffect, useId, useRef } from "react";
import type { ReactElement, ReactNode } from "react";

export interface ConfirmDialogProps {
  title: string;
  children: ReactNode;
  confirmLabel: string;
  /** @default "Cancel" */
  cancelLabel?: string;
  tone: "danger" | "accent";
  /** The confirmed action is under way: the dialog stays until it is removed. */
  busy?: boolean;
  /** It cannot be confirmed; the content says why. */
  confirmDisabled?: boolean;
  onConfirm: () => void;
  onCancel: () => void;
}

/** Asks before something that cannot be undone. Shown as long as it is rendered. */
export function ConfirmDialog(props: ConfirmDialogProps): ReactElement {
  const { title, children, confirmLabel, cancelLabel = "Cancel", tone, busy = false } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) props.onCancel();
      }}
    >
      <h2 id={titleId}>{title}</h2>
      <div className="dialog-body">{children}</div>
      <div className="dialog-actions">
        <button type="button" className="button" disabled={busy} onClick={props.onCancel}>
          {cancelLabel}
        </button>
        <button
          type="button"
          className={`button button-${tone}`}
          disabled={busy || props.confirmDisabled === true}
          onClick={props.onConfirm}
        >
          {confirmLabel}
        </button>
      </div>
    </dialog>
  );
}
