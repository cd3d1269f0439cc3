import { useState } from "react";
import type { ReactElement } from "react";
import { toApiError } from "../api/api-error.ts";
import type { ApiError } from "../api/api-error.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { Notice } from "../ui/notice.tsx";

export interface NewChatDialogProps {
  /** An answer is under way and would be stopped. */
  running: boolean;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

export function NewChatDialog({ running, onConfirm, onClose }: NewChatDialogProps): ReactElement {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
    } catch (caught) {
      setError(toApiError(caught));
      setBusy(false);
    }
  };
  return (
    <ConfirmDialog
      title="Start a new chat?"
      confirmLabel={busy ? "Ending" : "End session and start new"}
      tone="accent"
      busy={busy}
      onConfirm={() => void confirm()}
      onCancel={onClose}
    >
      <p>
        This session ends and its conversation is forgotten
        {running ? ", and the running answer is stopped" : ""}. Your files stay.
      </p>
      {error && <Notice tone="error" error={error} />}
    </ConfirmDialog>
  );
}
