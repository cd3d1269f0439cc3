import type { WireHealth } from "@carrel/server";
import { useEffect, useState } from "react";
import { readHealth } from "../api/health.ts";

const RETRY_MS = 5000;

/** What runs on this server; `null` until it has answered. Asked again whenever `version` changes. */
export function useHealth(version: unknown): WireHealth | null {
  const [health, setHealth] = useState<WireHealth | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      try {
        const answer = await readHealth(abort.signal);
        if (!abort.signal.aborted) setHealth(answer);
      } catch {
        // What failed is shown where the person does something; this only fills in two badges.
        if (!abort.signal.aborted) timer = setTimeout(() => void read(), RETRY_MS);
      }
    };
    void read();
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [version]);
  return health;
}
