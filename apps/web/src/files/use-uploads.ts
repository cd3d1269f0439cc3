import { useEffect, useRef, useState } from "react";
import type { ApiError } from "../api/api-error.ts";
import { toApiError } from "../api/api-error.ts";
import { uploadFile } from "../api/upload.ts";

export interface Upload {
  id: number;
  name: string;
  /** Where it goes. */
  path: string;
  content: File;
  /** Sent so far, 0 to 1. */
  share: number;
  /** `conflict`: a file of this name is there, and the person has not decided. */
  state: "waiting" | "sending" | "conflict" | "failed";
  replace: boolean;
  error: ApiError | null;
}

export interface Uploads {
  /** Those that are not done. */
  list: readonly Upload[];
  add: (files: readonly { content: File; path: string }[]) => void;
  /** Replace the files that are in the way of those in conflict, or leave them. */
  settleConflicts: (replace: boolean) => void;
  remove: (id: number) => void;
}

/** Sends files one after the other. Ends with the component. */
export function useUploads(sessionId: string, onUploaded: () => void): Uploads {
  const [list, setList] = useState<readonly Upload[]>([]);
  const nextId = useRef(1);
  const uploaded = useRef(onUploaded);
  useEffect(() => {
    uploaded.current = onUploaded;
  }, [onUploaded]);

  const change = (id: number, fields: Partial<Upload>) =>
    setList((before) =>
      before.map((upload) => (upload.id === id ? { ...upload, ...fields } : upload)),
    );
  const remove = (id: number) => setList((before) => before.filter((upload) => upload.id !== id));

  const next = list.find(({ state }) => state === "sending" || state === "waiting");
  const nextUpload = next?.id;
  useEffect(() => {
    const upload = next;
    if (!upload) return;
    const abort = new AbortController();
    const send = async () => {
      change(upload.id, { state: "sending", share: 0 });
      try {
        await uploadFile(sessionId, upload.path, upload.content, {
          replace: upload.replace,
          signal: abort.signal,
          onProgress: (share) => change(upload.id, { share }),
        });
        remove(upload.id);
        uploaded.current();
      } catch (caught) {
        if (abort.signal.aborted) return;
        const error = toApiError(caught);
        const inTheWay =
          !upload.replace && (error.code === "conflict" || error.code === "already-exists");
        change(upload.id, { state: inTheWay ? "conflict" : "failed", error });
      }
    };
    const timer = setTimeout(() => void send());
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [nextUpload, sessionId]);

  return {
    list,
    add: (files) => {
      const added = files.map(({ content, path }) => ({
        id: nextId.current++,
        name: content.name,
        path,
        content,
        share: 0,
        state: "waiting" as const,
        replace: false,
        error: null,
      }));
      setList((before) => [...before, ...added]);
    },
    settleConflicts: (replace) =>
      setList((before) =>
        before.flatMap((upload) => {
          if (upload.state !== "conflict") return [upload];
          return replace ? [{ ...upload, state: "waiting", replace: true, error: null }] : [];
        }),
      ),
    remove,
  };
}
