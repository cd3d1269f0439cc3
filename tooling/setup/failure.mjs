/** Something that the user can act on: shown as its message alone, without a stack. */
export class Failure extends Error {}

/** @type {(error: unknown, code: string) => boolean} */
export function hasCode(error, code) {
  return error instanceof Error && "code" in error && error.code === code;
}
