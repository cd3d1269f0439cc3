import type { WireFileEntry } from "@carrel/server";
import { useCallback, useState } from "react";
import type { ReactElement } from "react";
import { archiveUrl } from "../api/files.ts";
import { Breadcrumbs } from "./breadcrumbs.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { DirectoryView } from "./directory-view.tsx";
import { DropArea } from "./drop-area.tsx";
import { FileViewer } from "./file-viewer.tsx";
import "./files-panel.css";
import { FilesToolbar } from "./files-toolbar.tsx";
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
  const [deleting, setDeleting] = useState<WireFileEntry | null>(null);
  const [closedPath, setClosedPath] = useState<string | null>(null);
  const [state, { refresh, readMore }] = useDirectory({
    sessionId,
    path: pathOf(directory),
    revision,
    onMissing: () => {
      if (directory.length === 0) onMissing();
      else setDirectory(directory.slice(0, -1));
    },
  });
  const [queue, uploads] = useUploads(sessionId, refresh);
  const open = useCallback(
    (entry: WireFileEntry) => {
      if (entry.is_dir) setDirectory([...directory, entry.name]);
      else onOpenPath(pathOf(directory, entry.name));
    },
    [directory, onOpenPath],
  );
  const upload = (files: readonly File[]) => {
    onOpenPath(null);
    queue.add(files.map((content) => ({ content, path: pathOf(directory, content.name) })));
  };
  const closeViewer = () => {
    setClosedPath(openPath);
    onOpenPath(null);
  };
  const closeDialog = () => setDeleting(null);

  return (
    <DropArea onFiles={upload}>
      {openPath === null ? (
        <>
          <header className="files-head">
            <Breadcrumbs directory={directory} onGo={setDirectory} />
            <FilesToolbar
              archive={archiveUrl(sessionId, pathOf(directory))}
              loading={state.loading}
              onUpload={upload}
              onRefresh={refresh}
            />
          </header>
          <UploadList queue={queue} uploads={uploads} />
          <DirectoryView
            sessionId={sessionId}
            directory={directory}
            state={state}
            focusedPath={closedPath}
            onOpen={open}
            onDelete={setDeleting}
            onRefresh={refresh}
            onReadMore={readMore}
          />
        </>
      ) : (
        <FileViewer
          sessionId={sessionId}
          path={openPath}
          revision={revision}
          onClose={closeViewer}
        />
      )}
      {deleting && (
        <DeleteDialog
          sessionId={sessionId}
          entry={deleting}
          path={pathOf(directory, deleting.name)}
          onDeleted={() => {
            closeDialog();
            refresh();
          }}
          onClose={closeDialog}
        />
      )}
    </DropArea>
  );
}
