/** A directory below the working directory; `[]` is the working directory itself. */
export type DirectoryPath = readonly string[];

/** As the API takes it: relative to the working directory. */
export function pathOf(directory: DirectoryPath, name?: string): string {
  // The leading dot keeps a name that looks like something else (`-`, `~`) a plain name.
  return [".", ...directory, ...(name === undefined ? [] : [name])].join("/");
}

/** The last part of a path, for a heading. */
export function nameOf(path: string): string {
  return path.split("/").findLast((part) => part !== "") ?? path;
}

/** The same file in the way in which people write it: without the leading `./`. */
export function shownPath(path: string): string {
  return path.startsWith("./") ? path.slice(2) : path;
}
