import { SandboxError } from "@carrel/backend-protocol";

/** How much of a cursor that is refused is shown: a name has at most 255 bytes. */
const MAX_SHOWN_CHARACTERS = 255;

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

/**
 * Returns the name that {@link cursorOfName} wrote; any other text without a slash in front is a name as it is.
 * @throws `invalid-argument` with a slash in front, if it is not what that wrote
 */
export function nameOfCursor(cursor: string): string {
  if (!cursor.startsWith(MARK)) return cursor;
  const name = Buffer.from(cursor.slice(MARK.length), "base64url").toString("utf16le");
  if (cursorOfName(name) === cursor) return name;
  throw new SandboxError({
    code: "invalid-argument",
    message: `\`after\` must be \`next\` of the page before, or the name of an entry, not ${JSON.stringify(cursor.slice(0, MAX_SHOWN_CHARACTERS))}.`,
  });
}
