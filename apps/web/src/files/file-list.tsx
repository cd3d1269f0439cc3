import type { WireFileEntry } from "@carrel/server";
import { useEffect, useMemo, useState } from "react";
import type { ReactElement } from "react";
import { archiveUrl, contentUrl, isAddressable } from "../api/files.ts";
import { countOf } from "../text/measures.ts";
import { orderedEntries } from "./file-order.ts";
import { FileRow } from "./file-row.tsx";
import { pathOf } from "./relative-path.ts";
import type { DirectoryPath } from "./relative-path.ts";

/** How many rows are drawn at first, and how many more each time. */
const ROWS_STEP = 300;
/** From how many entries on a filter is worth its place. */
const FILTER_FROM = 15;
const CLOCK_MS = 30_000;

export interface FileListProps {
  sessionId: string;
  entries: readonly WireFileEntry[];
  /** The directory has no entries but these. */
  isComplete: boolean;
  isReading: boolean;
  directory: DirectoryPath;
  /** Of the entry that gets the focus when the list appears; `null` for none. */
  focusedPath: string | null;
  onOpen: (entry: WireFileEntry) => void;
  onDelete: (entry: WireFileEntry) => void;
  onReadMore: () => void;
}

export function FileList(props: FileListProps): ReactElement {
  const { sessionId, directory, entries, focusedPath, onOpen, onDelete } = props;
  const [filter, setFilter] = useState("");
  const [shown, setShown] = useState(ROWS_STEP);
  const { isComplete, isReading, onReadMore } = props;
  const nowMs = useClock();
  const ordered = useMemo(() => orderedEntries(entries, filter), [entries, filter]);
  const hidden = ordered.length - shown;
  return (
    <>
      {entries.length >= FILTER_FROM && (
        <input
          className="input file-filter"
          type="search"
          aria-label="Filter by name"
          placeholder={`Filter ${isComplete ? "" : "the loaded "}${countOf(entries.length, "name")}`}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
      )}
      <ul className="file-list" aria-label="Files" data-testid="file-list">
        {ordered.slice(0, shown).map((entry) => {
          const path = pathOf(directory, entry.name);
          return (
            <FileRow
              key={entry.name}
              entry={entry}
              downloadUrl={downloadUrl(sessionId, path, entry.is_dir)}
              nowMs={nowMs}
              focused={path === focusedPath}
              onOpen={onOpen}
              onDelete={onDelete}
            />
          );
        })}
      </ul>
      {ordered.length === 0 && (
        <p className="files-empty">
          {isComplete
            ? "No name contains this."
            : `None of the ${countOf(entries.length, "loaded name")} contains this.`}
        </p>
      )}
      {!isComplete && (
        <p className="muted more">
          {countOf(entries.length, "file")} loaded; there are more, also between these.
        </p>
      )}
      {!isComplete && hidden <= 0 && (
        <button
          type="button"
          className="text-button more"
          disabled={isReading}
          onClick={() => {
            setShown(shown + ROWS_STEP);
            onReadMore();
          }}
        >
          Load more
        </button>
      )}
      {hidden > 0 && (
        <button
          type="button"
          className="text-button more"
          onClick={() => setShown(shown + ROWS_STEP)}
        >
          Show {countOf(Math.min(ROWS_STEP, hidden), "more file")} of {hidden.toLocaleString("en")}
          {isComplete ? "" : " loaded"}
        </button>
      )}
    </>
  );
}

function downloadUrl(sessionId: string, path: string, isDirectory: boolean): string | null {
  if (!isAddressable(path)) return null;
  return isDirectory ? archiveUrl(sessionId, path) : contentUrl(sessionId, path);
}

function useClock(): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), CLOCK_MS);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
