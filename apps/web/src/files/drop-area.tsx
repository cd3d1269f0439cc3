import { useState } from "react";
import type { ReactElement, ReactNode } from "react";
import { Notice } from "../ui/notice.tsx";
import { VisibleName } from "../ui/visible-text.tsx";
import { droppedFiles } from "./dropped-files.ts";

export interface DropAreaProps {
  onFiles: (files: readonly File[]) => void;
  children: ReactNode;
}

/** The panel of the files, onto which files can be dropped. */
export function DropArea({ onFiles, children }: DropAreaProps): ReactElement {
  const [over, setOver] = useState(false);
  const [folder, setFolder] = useState<string | null>(null);
  return (
    <section
      className="files"
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
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const { files, folders } = droppedFiles(event.dataTransfer);
        setFolder(folders[0] ?? null);
        if (files.length > 0) onFiles(files);
      }}
    >
      {folder !== null && (
        <Notice
          tone="warning"
          title="A folder cannot be uploaded."
          actions={
            <button type="button" className="button" onClick={() => setFolder(null)}>
              Dismiss
            </button>
          }
        >
          <span>
            Upload what is in <VisibleName name={folder} />, or an archive of it.
          </span>
        </Notice>
      )}
      {children}
      {over && <div className="drop-hint">Drop to upload</div>}
    </section>
  );
}
