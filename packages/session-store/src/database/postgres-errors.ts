import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxErrorCode } from "@carrel/backend-protocol";
import { DatabaseError } from "pg";

/** A transaction that gave way to another one; it did nothing, and can be done again. */
const GAVE_WAY: ReadonlySet<string | undefined> = new Set(["40001", "40P01"]);

interface Meaning {
  code: SandboxErrorCode;
  message: string;
}

const UNREACHABLE: Meaning = {
  code: "unavailable",
  message: "does not answer; it is tried again with the next call",
};

/**
 * By the whole code, or by its class, the first two characters.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  "08": UNREACHABLE,
  "22P05": {
    code: "unsupported",
    message: "does not store every character; use one whose encoding is UTF8",
  },
  "25006": { code: "permission-denied", message: "is read-only; name the server that writes" },
  // Its transaction stood still for too long.
  "25P03": UNREACHABLE,
  "28": {
    code: "permission-denied",
    message: "does not let this user in; look at the user and the password of its URL",
  },
  "3D000": { code: "invalid-argument", message: "does not exist; create it, or correct its URL" },
  "40": { code: "unavailable", message: "was busy with the same rows all the time; try again" },
  "42501": {
    code: "permission-denied",
    message: "does not let this user do that; grant it the right to create and use tables",
  },
  "53": { code: "unavailable", message: "has no connection or memory left; try again" },
  "53100": { code: "no-space", message: "has no room; free space on its disk" },
  "57": UNREACHABLE,
  "57014": { code: "timeout", message: "took too long; try again" },
  "58": { code: "unavailable", message: "could not be read or written; look at its disk" },
};

export function gaveWay(error: unknown): boolean {
  return error instanceof DatabaseError && GAVE_WAY.has(error.code);
}

/** Whether the server told that it ends the connection. */
export function endsConnection(error: DatabaseError): boolean {
  return meaningOf(error) === UNREACHABLE;
}

/** What an error that the server told means; `null`: it is another error. */
export function translatePostgresError(error: unknown): SandboxError | null {
  const meaning = error instanceof DatabaseError ? meaningOf(error) : undefined;
  return meaning ? databaseError(meaning, error) : null;
}

/** What any error means that the server did not tell: it was not reached. */
export function unreachable(cause: unknown): SandboxError {
  return databaseError(UNREACHABLE, cause);
}

function meaningOf({ code = "" }: DatabaseError): Meaning | undefined {
  return MEANINGS[code] ?? MEANINGS[code.slice(0, 2)];
}

function databaseError({ code, message }: Meaning, cause: unknown): SandboxError {
  return new SandboxError({ code, message: `The database of sessions ${message}.`, cause });
}
