import { useCallback, useEffect, useRef, useState } from "react";
import { tabStorage } from "../storage/browser-storage.ts";

/**
 * What is being written, kept over a reload of this tab under the key.
 *
 * @param refusal a message that could not be sent: it comes back where nothing else was begun
 * @returns the draft, what changes it, and what takes a sent message out of it: what was written
 *   after that message stays
 */
export function useDraft(
  key: string,
  refusal: { message: string } | null,
): [string, (draft: string) => void, (sent: string) => void] {
  const [draft, setDraft] = useState(() => tabStorage.read(key) ?? "");
  const write = useCallback(
    (text: string) => {
      setDraft(text);
      tabStorage.write(key, text === "" ? null : text);
    },
    [key],
  );
  const latest = useRef(draft);
  useEffect(() => {
    latest.current = draft;
  }, [draft]);
  const clear = useCallback(
    (sent: string) => {
      const now = latest.current;
      write(now.startsWith(sent) ? now.slice(sent.length).trimStart() : now);
    },
    [write],
  );
  const lastRefusal = useRef(refusal);
  useEffect(() => {
    if (refusal && refusal !== lastRefusal.current && draft === "") write(refusal.message);
    lastRefusal.current = refusal;
  }, [refusal, draft, write]);
  return [draft, write, clear];
}
