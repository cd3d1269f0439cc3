// No name of a file has it.
const MARK = "/";

/**
 * Says where a page of a listing ended: the name of its last entry. A name that is not UTF-8 has lone
 * surrogates, which no URL can carry; it is written in base64, after a slash.
 */
export function cursorOfName(name: string): string {
  if (name.isWellFormed()) return name;
  return MARK + Buffer.from(name, "utf16le").toString("base64url");
}

/** The name that {@link cursorOfName} wrote; any other text is a name as it is. */
export function nameOfCursor(cursor: string): string {
  if (!cursor.startsWith(MARK)) return cursor;
  return Buffer.from(cursor.slice(MARK.length), "base64url").toString("utf16le");
}
