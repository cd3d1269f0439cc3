import { useState } from "react";
import { tabStorage } from "../storage/browser-storage.ts";

/** What is being written, kept over a reload of this tab. */
export function useDraft(key: string): [string, (draft: string) => void] {
  const [draft, setDraft] = useState(() => tabStorage.read(key) ?? "");
  return [
    draft,
    (text) => {
      setDraft(text);
      tabStorage.write(key, text === "" ? null : text);
    },
  ];
}
