import { pathToBytes } from "@carrel/backend-protocol";
import type { CheckedListOptions, FileInfo } from "@carrel/backend-protocol";
import { wrongAnswer } from "./wire.ts";

/**
 * Returns the entries of a page if their names come after `after`, in the order of their bytes.
 * Without this check, an agent that repeats a page would have its reader list without end.
 * @throws `unavailable`
 */
export function requirePage(entries: FileInfo[], { limit, after }: CheckedListOptions): FileInfo[] {
  if (limit === null && after === null) return entries;
  let last = after;
  for (const { name } of entries) {
    const bytes = pathToBytes(name);
    if (last !== null && Buffer.compare(bytes, last) <= 0) {
      throw wrongAnswer(new Error("a page of a listing whose names are not in their order"));
    }
    last = bytes;
  }
  return entries;
}
