import { SandboxError } from "@carrel/backend-protocol";

/** @throws `aborted` where the caller's signal has fired */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new SandboxError({
    code: "aborted",
    message: "The operation was aborted by its caller.",
    cause: signal.reason,
  });
}
