const WILDCARD = /[*?[\]{}\\]/;

/**
 * An absolute pattern as a directory to search and a pattern below it, so that the search does
 * not begin at the root. A pattern that is relative stays as it is.
 */
export function splitGlob(pattern: string, path: string): { path: string; pattern: string } {
  if (!pattern.startsWith("/")) return { path, pattern };
  const parts = pattern.split("/").filter((part) => part !== "");
  const firstWild = parts.findIndex((part) => WILDCARD.test(part));
  // The last part is the name to find, with wildcards or without.
  const split = firstWild === -1 ? parts.length - 1 : firstWild;
  return {
    path: `/${parts.slice(0, Math.max(0, split)).join("/")}`,
    pattern: parts.slice(Math.max(0, split)).join("/"),
  };
}
