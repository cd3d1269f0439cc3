import type { WireFileEntry } from "@carrel/server";
import { useCallback, useEffect, useRef, useState } from "react";
import type { DragEvent, ReactElement } from "react";
import { archiveUrl } from "../api/files.ts";
import { visibleName } from "../text/visible-text.ts";
import { Icon } from "../ui/icon.tsx";
import { Notice } from "../ui/notice.tsx";
import { Spinner } from "../ui/spinner.tsx";
import { Breadcrumbs } from "./breadcrumbs.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { droppedFiles } from "./dropped-files.ts";
import { FileList } from "./file-list.tsx";
import { FileViewer } from "./file-viewer.tsx";
import "./files-panel.css";
import { pathOf } from "./relative-path.ts";
import type { DirectoryPath } from "./relative-path.ts";
import { UploadList } from "./upload-list.tsx";
import { useDirectory } from "./use-directory.ts";
import { useUploads } from "./use-uploads.ts";

export interface FilesPanelProps {
  sessionId: string;
  /** Changes whenever the agent may have changed a file. */
  revision: number;
  /** The file that is shown in place of the list. */
  openPath: string | null;
  onOpenPath: (path: string | null) => void;
  /** The working directory itself is not there: the session may be over. */
  onMissing: () => void;
}

export function FilesPanel(props: FilesPanelProps): ReactElement {
  const { sessionId, revision, openPath, onOpenPath, onMissing } = props;
  const [directory, setDirectory] = useState<DirectoryPath>([]);
  const [{ entries, loading, error }, refresh] = useDirectory(
    sessionId,
    pathOf(directory),
    revision,
  );
  const uploads = useUploads(sessionId, refresh);
  const [deleting, setDeleting] = useState<WireFileEntry | null>(null);
  const [folderNote, setFolderNote] = useState<string | null>(null);
  const [over, setOver] = useState(false);

  const missing = error?.isMissing === true;
  useEffect(() => {
    if (!missing) return;
    if (directory.length === 0) onMissing();
    else setDirectory(directory.slice(0, -1));
  }, [missing, directory, onMissing]);

  const pathOfEntry = useCallback(
    (entry: WireFileEntry) => pathOf(directory, entry.name),
    [directory],
  );
  const open = useCallback(
    (entry: WireFileEntry) => {
      if (entry.is_dir) setDirectory([...directory, entry.name]);
      else onOpenPath(pathOf(directory, entry.name));
    },
    [directory, onOpenPath],
  );
  const upload = (files: readonly File[]) => {
    onOpenPath(null);
    uploads.add(files.map((content) => ({ content, path: pathOf(directory, content.name) })));
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const { files, folders } = droppedFiles(event.dataTransfer);
    setFolderNote(folders.length === 0 ? null : folders.map(visibleName).join(", "));
    upload(files);
  };

  return (
    <section
      className={over ? "files files-over" : "files"}
      aria-label="Files"
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        const { currentTarget, relatedTarget } = event;
        const inside = relatedTarget instanceof Node && currentTarget.contains(relatedTarget);
        if (!inside) setOver(false);
      }}
      onDrop={onDrop}
    >
      {openPath === null ? (
        <>
          <header className="files-head">
            <Breadcrumbs directory={directory} onGo={setDirectory} />
            <FilesToolbar
              archive={archiveUrl(sessionId, pathOf(directory))}
              loading={loading}
              onUpload={upload}
              onRefresh={refresh}
            />
          </header>
          <UploadList uploads={uploads} />
          {folderNote !== null && (
            <Notice
              tone="warning"
              title="A folder cannot be uploaded."
              actions={
                <button type="button" className="button" onClick={() => setFolderNote(null)}>
                  Dismiss
                </button>
              }
            >
              <span>Upload what is in it, or an archive: {folderNote}</span>
            </Notice>
          )}
          {error && (
            <Notice
              tone="error"
              title="The files could not be listed."
              error={error}
              actions={
                <button type="button" className="button" onClick={refresh}>
                  Try again
                </button>
              }
            />
          )}
          <div className="files-body">
            {entries === null && !error && (
              <p className="files-empty">
                <Spinner />
              </p>
            )}
            {entries?.length === 0 && (
              <p className="files-empty">
                {directory.length === 0
                  ? "No files yet. What the agent writes appears here; you can also drop files."
                  : "This folder is empty."}
              </p>
            )}
            {entries !== null && entries.length > 0 && (
              <FileList
                key={pathOf(directory)}
                sessionId={sessionId}
                entries={entries}
                pathOfEntry={pathOfEntry}
                onOpen={open}
                onDelete={setDeleting}
              />
            )}
          </div>
        </>
      ) : (
        <FileViewer
          sessionId={sessionId}
          path={openPath}
          revision={revision}
          onClose={() => onOpenPath(null)}
        />
      )}
      {over && <div className="drop-hint">Drop to upload</div>}
      {deleting && (
        <DeleteDialog
          sessionId={sessionId}
          entry={deleting}
          path={pathOfEntry(deleting)}
          onDeleted={() => {
            setDeleting(null);
            refresh();
          }}
          onClose={() => setDeleting(null)}
        />
      )}
    </section>
  );
}

interface FilesToolbarProps {
  archive: string;
  loading: boolean;
  onUpload: (files: readonly File[]) => void;
  onRefresh: () => void;
}

function FilesToolbar({ archive, loading, onUpload, onRefresh }: FilesToolbarProps): ReactElement {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className="files-tools">
      <input
        ref={input}
        className="visually-hidden"
        type="file"
        multiple
        tabIndex={-1}
        aria-label="Files to upload"
        data-testid="upload-input"
        onChange={(event) => {
          onUpload([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      <button
        type="button"
        className="icon-button"
        aria-label="Upload files"
        title="Upload files"
        data-testid="upload"
        onClick={() => input.current?.click()}
      >
        <Icon name="upload" />
      </button>
      <a
        className="icon-button"
        href={archive}
        download=""
        aria-label="Download this folder as a tar archive"
        title="Download this folder as a tar archive"
      >
        <Icon name="download" />
      </a>
      <button
        type="button"
        className={loading ? "icon-button spinning" : "icon-button"}
        aria-label="Refresh"
        title="Refresh"
        data-testid="refresh"
        onClick={onRefresh}
      >
        <Icon name="refresh" />
      </button>
    </div>
  );
}
