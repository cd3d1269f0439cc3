import { useRef } from "react";
import type { ReactElement } from "react";
import { Icon } from "../ui/icon.tsx";

export interface FilesToolbarProps {
  /** Where the directory can be downloaded. */
  archive: string;
  loading: boolean;
  onUpload: (files: readonly File[]) => void;
  onRefresh: () => void;
}

export function FilesToolbar(props: FilesToolbarProps): ReactElement {
  const { archive, loading, onUpload, onRefresh } = props;
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
        data-testid="download-folder"
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
