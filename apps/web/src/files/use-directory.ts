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
  /** There are no entries but these. */
  isComplete: boolean;
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

/** How many entries of a directory are read at first; twice as many each time that more are asked for. */
const FIRST_ENTRIES = 1000;

export interface DirectoryActions {
  /** Reads the directory again now. Stays the same function. */
  refresh: () => void;
  /** Reads more of the directory. Stays the same function. */
  readMore: () => void;
}

/** The entries of a directory: the first ones, and more when they are asked for. */
export function useDirectory(options: DirectoryOptions): [DirectoryState, DirectoryActions] {
  const { sessionId, path, revision, onMissing } = options;
  const [state, setState] = useState<DirectoryState>(() => unread(path));
  const request = useRef<() => void>(() => {});
  const limit = useRef(FIRST_ENTRIES);
  const reportMissing = useRef(onMissing);
  useEffect(() => {
    reportMissing.current = onMissing;
  }, [onMissing]);

  useEffect(() => {
    const abort = new AbortController();
    limit.current = FIRST_ENTRIES;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const read = async () => {
      clearTimeout(retry);
      setState((before) => ({ ...(before.path === path ? before : unread(path)), loading: true }));
      try {
        const listing = await listFiles(sessionId, path, {
          limit: limit.current,
          signal: abort.signal,
        });
        failures = 0;
        setState({ path, ...listing, loading: false, error: null });
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

  const actions = useMemo(
    () => ({
      refresh: () => request.current(),
      readMore: () => {
        limit.current *= 2;
        request.current();
      },
    }),
    [],
  );
  return [state.path === path ? state : unread(path), actions];
}

function unread(path: string): DirectoryState {
  return { path, entries: null, isComplete: true, loading: true, error: null };
}
