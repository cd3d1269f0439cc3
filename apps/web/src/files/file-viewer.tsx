import { useEffect, useRef } from "react";
import type { ReactElement } from "react";
import { contentUrl } from "../api/files.ts";
import { formatBytes } from "../text/measures.ts";
import { visibleName } from "../text/visible-text.ts";
import { Icon } from "../ui/icon.tsx";
import { Notice } from "../ui/notice.tsx";
import { Spinner } from "../ui/spinner.tsx";
import { VisibleName } from "../ui/visible-text.tsx";
import { ImageView } from "./image-view.tsx";
import { MAX_IMAGE_BYTES, MAX_TEXT_BYTES } from "./preview.ts";
import type { Preview } from "./preview.ts";
import { nameOf, shownPath } from "./relative-path.ts";
import { TextView } from "./text-view.tsx";
import { usePreview } from "./use-preview.ts";

export interface FileViewerProps {
  sessionId: string;
  path: string;
  revision: number;
  onClose: () => void;
}

export function FileViewer({ sessionId, path, revision, onClose }: FileViewerProps): ReactElement {
  const { preview, size, error } = usePreview(sessionId, path, revision);
  const back = useRef<HTMLButtonElement>(null);
  useEffect(() => back.current?.focus({ preventScroll: true }), [path]);
  const name = nameOf(path);
  return (
    <section
      className="viewer"
      data-testid="viewer"
      aria-label={`File ${visibleName(name)}`}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <header className="files-head">
        <button
          ref={back}
          type="button"
          className="icon-button"
          aria-label="Back to the files"
          title="Back to the files"
          onClick={onClose}
        >
          <Icon name="arrow-left" />
        </button>
        <div className="viewer-title" title={visibleName(shownPath(path))}>
          <strong>
            <VisibleName name={name} />
          </strong>
          {size !== null && <span className="file-meta">{formatBytes(size)}</span>}
        </div>
        <a
          className="icon-button"
          href={contentUrl(sessionId, path)}
          download=""
          aria-label={`Download ${visibleName(name)}`}
          title="Download"
        >
          <Icon name="download" />
        </a>
      </header>
      {error ? (
        <Notice tone="error" title="The file cannot be shown." error={error} />
      ) : preview === null ? (
        <p className="viewer-message">
          <Spinner />
          Reading
        </p>
      ) : (
        <PreviewBody preview={preview} label={visibleName(name)} />
      )}
    </section>
  );
}

function PreviewBody({ preview, label }: { preview: Preview; label: string }): ReactElement {
  switch (preview.kind) {
    case "empty":
      return <p className="viewer-message">This file is empty.</p>;
    case "binary":
      return <p className="viewer-message">This is a binary file. Download it to use it.</p>;
    case "large-image":
      return (
        <p className="viewer-message">
          This image is larger than {formatBytes(MAX_IMAGE_BYTES)}. Download it to see it.
        </p>
      );
    case "image":
      return <ImageView blob={preview.blob} label={label} />;
    case "text":
      return (
        <>
          {preview.damaged && (
            <p className="viewer-note">Some of it is no UTF-8 and is shown as {"\ufffd"}.</p>
          )}
          <TextView text={preview.text} label={`Content of ${label}`} />
          {preview.cut && (
            <p className="viewer-note">
              These are the first {formatBytes(MAX_TEXT_BYTES)}. Download the file for the rest.
            </p>
          )}
        </>
      );
  }
}
