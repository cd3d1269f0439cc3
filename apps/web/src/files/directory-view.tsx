import type { WireFileEntry } from "@carrel/server";
import type { ReactElement } from "react";
import { Notice } from "../ui/notice.tsx";
import { Spinner } from "../ui/spinner.tsx";
import { FileList } from "./file-list.tsx";
import { pathOf } from "./relative-path.ts";
import type { DirectoryPath } from "./relative-path.ts";
import type { DirectoryState } from "./use-directory.ts";

export interface DirectoryViewProps {
  sessionId: string;
  directory: DirectoryPath;
  state: DirectoryState;
  /** Of the entry that gets the focus when the list appears; `null` for none. */
  focusedPath: string | null;
  onOpen: (entry: WireFileEntry) => void;
  onDelete: (entry: WireFileEntry) => void;
  onRefresh: () => void;
  /** More entries of the directory are wanted. */
  onReadMore: () => void;
}

/** What is in a directory, or why that cannot be said. */
export function DirectoryView(props: DirectoryViewProps): ReactElement {
  const { sessionId, directory, state, focusedPath, onOpen, onDelete } = props;
  const { onRefresh, onReadMore } = props;
  const { entries, error } = state;
  return (
    <div className="files-body">
      {error && (
        <Notice
          tone="error"
          title="The files could not be listed."
          error={error}
          actions={
            <button type="button" className="button" onClick={onRefresh}>
              Try again
            </button>
          }
        />
      )}
      {entries === null && !error && (
        <p className="files-empty">
          <Spinner />
        </p>
      )}
      {entries?.length === 0 && !error && (
        <p className="files-empty">
          {directory.length === 0
            ? "No files yet. What the agent writes appears here, and you can drop files of your own."
            : "This folder is empty."}
        </p>
      )}
      {entries !== null && entries.length > 0 && (
        <FileList
          key={pathOf(directory)}
          sessionId={sessionId}
          directory={directory}
          entries={entries}
          isComplete={state.isComplete}
          isReading={state.loading}
          onReadMore={onReadMore}
          focusedPath={focusedPath}
          onOpen={onOpen}
          onDelete={onDelete}
        />
      )}
    </div>
  );
}
