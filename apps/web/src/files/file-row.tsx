import type { WireFileEntry } from "@carrel/server";
import { memo } from "react";
import type { ReactElement } from "react";
import { formatAge, formatBytes } from "../text/measures.ts";
import { visibleName } from "../text/visible-text.ts";
import { Icon } from "../ui/icon.tsx";
import { VisibleName } from "../ui/visible-text.tsx";

export interface FileRowProps {
  entry: WireFileEntry;
  /** `null` where the name cannot be asked for. */
  downloadUrl: string | null;
  nowMs: number;
  /** It was the one in the viewer, and gets the focus back. */
  focused: boolean;
  onOpen: (entry: WireFileEntry) => void;
  onDelete: (entry: WireFileEntry) => void;
}

export const FileRow = memo(function FileRow(props: FileRowProps): ReactElement {
  const { entry, downloadUrl, nowMs, focused, onOpen, onDelete } = props;
  const spoken = visibleName(entry.name);
  return (
    <li className="file-row" data-testid="file-entry" data-kind={entry.is_dir ? "folder" : "file"}>
      <button
        type="button"
        className="file-open"
        title={spoken}
        disabled={downloadUrl === null}
        autoFocus={focused}
        onClick={() => onOpen(entry)}
      >
        <span className={entry.is_dir ? "file-icon file-icon-folder" : "file-icon"}>
          <Icon name={entry.is_dir ? "folder" : "file"} />
        </span>
        <span className="file-name">
          <VisibleName name={entry.name} />
        </span>
        <span className="file-meta">
          {entry.is_dir ? <span className="visually-hidden">folder</span> : formatBytes(entry.size)}
        </span>
        <time
          className="file-meta file-time"
          dateTime={entry.modified_at}
          title={entry.modified_at}
        >
          {formatAge(entry.modified_at, nowMs)}
        </time>
      </button>
      <span className="file-actions">
        {downloadUrl !== null && (
          <a
            className="icon-button"
            href={downloadUrl}
            download=""
            aria-label={`Download ${spoken}${entry.is_dir ? " as a tar archive" : ""}`}
            title={entry.is_dir ? "Download as a tar archive" : "Download"}
          >
            <Icon name="download" />
          </a>
        )}
        <button
          type="button"
          className="icon-button icon-button-danger"
          aria-label={`Delete ${spoken}`}
          title="Delete"
          disabled={downloadUrl === null}
          onClick={() => onDelete(entry)}
        >
          <Icon name="trash" />
        </button>
      </span>
    </li>
  );
});
