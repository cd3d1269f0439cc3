import type { WireFileEntry } from "@carrel/server";
import { useState } from "react";
import type { ReactElement } from "react";
import { toApiError } from "../api/api-error.ts";
import type { ApiError } from "../api/api-error.ts";
import { removeFile } from "../api/files.ts";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { Notice } from "../ui/notice.tsx";
import { VisibleName } from "../ui/visible-text.tsx";

export interface DeleteDialogProps {
  sessionId: string;
  entry: WireFileEntry;
  path: string;
  onDeleted: () => void;
  onClose: () => void;
}

export function DeleteDialog(props: DeleteDialogProps): ReactElement {
  const { sessionId, entry, path, onDeleted, onClose } = props;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const remove = async () => {
    setBusy(true);
    try {
      await removeFile(sessionId, path);
      onDeleted();
    } catch (caught) {
      setError(toApiError(caught));
      setBusy(false);
    }
  };
  return (
    <ConfirmDialog
      title={entry.is_dir ? "Delete this folder?" : "Delete this file?"}
      confirmLabel={busy ? "Deleting" : "Delete"}
      tone="danger"
      busy={busy}
      onConfirm={() => void remove()}
      onCancel={onClose}
    >
      <p className="dialog-name">
        <VisibleName name={entry.name} />
      </p>
      <p>
        {entry.is_dir
          ? "Only an empty folder can be deleted here. Ask the agent to delete one with something in it."
          : "It cannot be brought back."}
      </p>
      {error && <Notice tone="error" error={error} />}
    </ConfirmDialog>
  );
}
