import type { WireFileEntry } from "@carrel/server";
import { useEffect, useMemo, useRef, useState } from "react";
import type { ApiError } from "../api/api-error.ts";
import { toApiError } from "../api/api-error.ts";
import { listFiles } from "../api/files.ts";
import { backoffDelay } from "../chat/backoff.ts";
import { coalesce } from "./coalesce.ts";

export interface DirectoryState {
  /** Which directory this is about. */
  path: string;
  /** `null` until it has been read for the first time. */
  entries: readonly WireFileEntry[] | null;
  loading: boolean;
  error: ApiError | null;
}

export interface DirectoryOptions {
  sessionId: string;
  path: string;
  /** The directory is read again whenever this changes. */
  revision: number;
  /** There is no such directory. */
  onMissing: () => void;
}

/** A directory that took long to read is read less often. */
function pauseAfter(durationMs: number): number {
  return Math.min(10_000, Math.max(200, durationMs * 3));
}

/**
 * The entries of a directory.
 *
 * @returns the state, and what reads it again now, which stays the same function
 */
export function useDirectory(options: DirectoryOptions): [DirectoryState, () => void] {
  const { sessionId, path, revision, onMissing } = options;
  const [state, setState] = useState<DirectoryState>(() => unread(path));
  const request = useRef<() => void>(() => {});
  const reportMissing = useRef(onMissing);
  useEffect(() => {
    reportMissing.current = onMissing;
  }, [onMissing]);

  useEffect(() => {
    const abort = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const read = async () => {
      clearTimeout(retry);
      setState((before) => ({ ...(before.path === path ? before : unread(path)), loading: true }));
      try {
        const entries = await listFiles(sessionId, path, abort.signal);
        failures = 0;
        setState({ path, entries, loading: false, error: null });
      } catch (caught) {
        if (abort.signal.aborted) return;
        const error = toApiError(caught);
        setState((before) => ({ ...before, loading: false, error }));
        if (error.isMissing) reportMissing.current();
        if (error.isNetwork) {
          retry = setTimeout(reader.request, backoffDelay(failures, Math.random()));
          failures += 1;
        }
      }
    };
    const reader = coalesce(read, pauseAfter);
    request.current = reader.request;
    // In the development mode of React an effect runs twice: the first run ends before it asks.
    const timer = setTimeout(reader.request);
    return () => {
      clearTimeout(timer);
      clearTimeout(retry);
      reader.stop();
      abort.abort();
    };
  }, [sessionId, path]);

  const seenRevision = useRef(revision);
  useEffect(() => {
    if (seenRevision.current === revision) return;
    seenRevision.current = revision;
    request.current();
  }, [revision]);

  const refresh = useMemo(() => () => request.current(), []);
  return [state.path === path ? state : unread(path), refresh];
}

function unread(path: string): DirectoryState {
  return { path, entries: null, loading: true, error: null };
}
