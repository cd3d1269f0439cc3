import { hasMoreValues } from "@carrel/backend-protocol";

/** Most values that JSON of an agent may have in one frame or in one element of a list. */
const MAX_JSON_VALUES = 16 * 1024;

/** Reports whether JSON has more values than any answer of an agent. */
export function hasTooManyValues(payload: Uint8Array): boolean {
  return hasMoreValues(payload, MAX_JSON_VALUES);
}
