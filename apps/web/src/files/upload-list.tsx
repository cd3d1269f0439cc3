import type { ReactElement } from "react";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { VisibleName } from "../ui/visible-text.tsx";
import { shownPath } from "./relative-path.ts";
import type { Uploads } from "./use-uploads.ts";

const MAX_NAMED = 8;

export function UploadList({ uploads }: { uploads: Uploads }): ReactElement | null {
  const { list } = uploads;
  const conflicts = list.filter(({ state }) => state === "conflict");
  const undecided = list.some(({ state }) => state === "waiting" || state === "sending");
  if (list.length === 0) return null;
  return (
    <>
      <ul className="uploads" aria-label="Uploads">
        {list.map((upload) => (
          <li
            key={upload.id}
            className={upload.state === "failed" ? "upload upload-failed" : "upload"}
          >
            <span className="upload-name">
              <VisibleName name={upload.name} />
            </span>
            {upload.state === "failed" ? (
              <span className="upload-error" role="alert">
                {upload.error?.message}
              </span>
            ) : (
              <progress
                max={1}
                value={upload.share}
                aria-label="Uploaded"
                data-testid="upload-progress"
              />
            )}
            <button
              type="button"
              className="icon-button"
              aria-label={upload.state === "failed" ? "Dismiss" : "Cancel the upload"}
              onClick={() => uploads.remove(upload.id)}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      {conflicts.length > 0 && !undecided && (
        <ConfirmDialog
          title={conflicts.length === 1 ? "Replace this file?" : "Replace these files?"}
          confirmLabel="Replace"
          cancelLabel="Keep what is there"
          tone="danger"
          onConfirm={() => uploads.settleConflicts(true)}
          onCancel={() => uploads.settleConflicts(false)}
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
      )}
    </>
  );
}
