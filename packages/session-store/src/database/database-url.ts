import { resolve } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";

const POSTGRES_SCHEME = /^postgres(ql)?:\/\//i;
const SQLITE_SCHEME = /^sqlite:(\/\/)?/i;
const OTHER_SCHEME = /^([a-z][a-z0-9+.-]+):/i;

export type DatabaseAddress =
  | { dialect: "sqlite"; path: string }
  | { dialect: "postgres"; url: string };

/**
 * Which database is meant: `postgres://…`, or the path of a file with or without `sqlite:` before it.
 * @throws `invalid-argument`
 */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  if (POSTGRES_SCHEME.test(url)) {
    // PostgreSQL lets the host be left out where a parameter names it.
    if (!URL.canParse(url.replace("@/", "@localhost/"))) throw badUrl("cannot be read");
    return { dialect: "postgres", url };
  }
  const path = url.replace(SQLITE_SCHEME, "");
  const scheme = OTHER_SCHEME.exec(path)?.[1];
  // The rest of a foreign URL may be a password.
  if (scheme !== undefined) throw badUrl(`begins with "${scheme}:"`);
  if (path === "") throw badUrl("is empty");
  if (path === ":memory:") throw badUrl('is ":memory:", which nothing outlives');
  if (path.includes("\0")) throw badUrl("contains a NUL character");
  return { dialect: "sqlite", path: resolve(path) };
}

function badUrl(why: string): SandboxError {
  return new SandboxError({
    code: "invalid-argument",
    message: `The URL of the database ${why}; give postgres://USER@HOST/DATABASE, or the path of a file for SQLite.`,
  });
}
