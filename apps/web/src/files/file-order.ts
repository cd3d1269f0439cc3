import type { WireFileEntry } from "@carrel/server";

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Directories first, then by name, numbers in their order; those whose name has the text in it. */
export function orderedEntries(entries: readonly WireFileEntry[], filter: string): WireFileEntry[] {
  const wanted = filter.trim().toLowerCase();
  return entries
    .filter((entry) => entry.name.toLowerCase().includes(wanted))
    .sort(
      (one, other) =>
        Number(other.is_dir) - Number(one.is_dir) || collator.compare(one.name, other.name),
    );
}
