import { useCallback, useEffect, useRef, useState } from "react";
import { tabStorage } from "../storage/browser-storage.ts";

/**
 * What is being written, kept over a reload of this tab under the key.
 *
 * @param refusal a message that could not be sent: it comes back where nothing else was begun
 */
export function useDraft(
  key: string,
  refusal: { message: string } | null,
): [string, (draft: string) => void] {
  const [draft, setDraft] = useState(() => tabStorage.read(key) ?? "");
  const write = useCallback(
    (text: string) => {
      setDraft(text);
      tabStorage.write(key, text === "" ? null : text);
    },
    [key],
  );
  const lastRefusal = useRef(refusal);
  useEffect(() => {
    if (refusal && refusal !== lastRefusal.current && draft === "") write(refusal.message);
    lastRefusal.current = refusal;
  }, [refusal, draft, write]);
  return [draft, write];
}
