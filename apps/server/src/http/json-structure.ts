import { SandboxError, hasMoreValues } from "@carrel/backend-protocol";

/** Most values in the JSON of a request; the largest that a route knows has three. */
const MAX_VALUES = 1000;

/**
 * Refuses JSON of very many parts before it is parsed.
 * @throws `invalid-argument`
 */
export function refuseManyValues(json: Uint8Array): void {
  if (!hasMoreValues(json, MAX_VALUES)) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `The body has more than ${MAX_VALUES} values in it. Send only the fields that the route knows.`,
  });
}
