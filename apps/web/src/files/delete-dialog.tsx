import type { WireFileEntry } from "@carrel/server";
import { useEffect, useState } from "react";
import type { ReactElement } from "react";
import { toApiError } from "../api/api-error.ts";
import type { ApiError } from "../api/api-error.ts";
import { listFiles, removeFile } from "../api/files.ts";
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
  const content = useEntryCount(sessionId, entry.is_dir ? path : null);
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
      confirmDisabled={content === "unknown" || (typeof content === "number" && content > 0)}
      onConfirm={() => void remove()}
      onCancel={onClose}
    >
      <p className="dialog-name">
        <VisibleName name={entry.name} />
      </p>
      <p>
        {typeof content === "number" && content > 0
          ? `There ${thingsOf(content)} in it, and only an empty folder can be deleted here. Ask the agent to delete it.`
          : "It cannot be brought back."}
      </p>
      {error && <Notice tone="error" error={error} />}
    </ConfirmDialog>
  );
}

/** What is beyond is not counted: nobody reads so large a number. */
const MAX_COUNTED = 1000;

function thingsOf(count: number): string {
  if (count === 1) return "is 1 thing";
  return `are ${count.toLocaleString("en")} things${count >= MAX_COUNTED ? " or more" : ""}`;
}

/** How much is in a directory; `failed` where it cannot be listed, `null` where there is none to look at. */
function useEntryCount(
  sessionId: string,
  directory: string | null,
): number | "unknown" | "failed" | null {
  const [count, setCount] = useState<number | "unknown" | "failed">("unknown");
  useEffect(() => {
    if (directory === null) return;
    const abort = new AbortController();
    listFiles(sessionId, directory, { limit: MAX_COUNTED, signal: abort.signal }).then(
      ({ entries }) => setCount(entries.length),
      // The server refuses to delete what is not empty, and its message says so.
      () => abort.signal.aborted || setCount("failed"),
    );
    return () => abort.abort();
  }, [sessionId, directory]);
  return directory === null ? null : count;
}
