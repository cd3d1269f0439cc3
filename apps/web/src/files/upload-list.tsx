import type { ReactElement } from "react";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { VisibleName, VisibleText } from "../ui/visible-text.tsx";
import { shownPath } from "./relative-path.ts";
import type { Upload, UploadQueue } from "./upload-queue.ts";

const MAX_NAMED = 8;

export interface UploadListProps {
  queue: UploadQueue;
  uploads: readonly Upload[];
}

export function UploadList({ queue, uploads }: UploadListProps): ReactElement | null {
  if (uploads.length === 0) return null;
  const conflicts = uploads.filter(({ state }) => state === "conflict");
  const undecided = uploads.some(({ state }) => state === "waiting" || state === "sending");
  return (
    <>
      <ul className="uploads" aria-label="Uploads">
        {uploads.map((upload) => (
          <UploadRow key={upload.id} upload={upload} onRemove={() => queue.remove(upload.id)} />
        ))}
      </ul>
      {conflicts.length > 0 && !undecided && (
        <ReplaceDialog
          conflicts={conflicts}
          onSettle={(replace) => queue.settleConflicts(replace)}
        />
      )}
    </>
  );
}

function UploadRow({ upload, onRemove }: { upload: Upload; onRemove: () => void }): ReactElement {
  const failed = upload.state === "failed";
  return (
    <li className="upload" data-testid="upload-row" data-state={upload.state}>
      <span className="upload-name">
        <VisibleName name={upload.content.name} />
      </span>
      {failed ? (
        <span className="upload-error" role="alert">
          <VisibleText text={upload.error?.message ?? ""} />
        </span>
      ) : (
        <progress max={1} value={upload.share} aria-label="Uploaded" />
      )}
      <button
        type="button"
        className="icon-button"
        aria-label={failed ? "Dismiss" : "Cancel the upload"}
        onClick={onRemove}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}

interface ReplaceDialogProps {
  conflicts: readonly Upload[];
  onSettle: (replace: boolean) => void;
}

function ReplaceDialog({ conflicts, onSettle }: ReplaceDialogProps): ReactElement {
  return (
    <ConfirmDialog
      title={conflicts.length === 1 ? "Replace this file?" : "Replace these files?"}
      confirmLabel="Replace"
      cancelLabel="Keep what is there"
      tone="danger"
      onConfirm={() => onSettle(true)}
      onCancel={() => onSettle(false)}
    >
      <p>What is there now will be lost:</p>
      <ul className="name-list">
        {conflicts.slice(0, MAX_NAMED).map(({ id, path }) => (
          <li key={id}>
            <VisibleName name={shownPath(path)} />
          </li>
        ))}
      </ul>
      {conflicts.length > MAX_NAMED && <p>and {conflicts.length - MAX_NAMED} more.</p>}
    </ConfirmDialog>
  );
}
