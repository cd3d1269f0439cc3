import { useEffect, useState } from "react";
import type { ApiError } from "../api/api-error.ts";
import { toApiError } from "../api/api-error.ts";
import { contentUrl, readHead } from "../api/files.ts";
import { previewLimit, previewOf } from "./preview.ts";
import type { Preview } from "./preview.ts";

export interface PreviewState {
  path: string;
  /** `null` until the file has been read for the first time. */
  preview: Preview | null;
  /** Bytes of the whole file, where it is known. */
  size: number | null;
  error: ApiError | null;
}

/** What is in a file, read again whenever `revision` changes. */
export function usePreview(sessionId: string, path: string, revision: number): PreviewState {
  const [state, setState] = useState<PreviewState>(() => unread(path));
  useEffect(() => {
    const abort = new AbortController();
    const read = async () => {
      try {
        const url = contentUrl(sessionId, path);
        const { bytes, complete, size } = await readHead(url, previewLimit, abort.signal);
        const preview = previewOf(bytes, complete);
        if (!abort.signal.aborted) setState({ path, preview, size, error: null });
      } catch (error) {
        if (abort.signal.aborted) return;
        setState({ ...unread(path), error: toApiError(error) });
      }
    };
    // Several changes in a row become one reading.
    const timer = setTimeout(() => void read(), revision === 0 ? 0 : 150);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [sessionId, path, revision]);
  return state.path === path ? state : unread(path);
}

function unread(path: string): PreviewState {
  return { path, preview: null, size: null, error: null };
}
