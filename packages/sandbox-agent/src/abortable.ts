import { abortedError, throwIfAborted } from "@carrel/backend-protocol";

/** Wait no longer than the signal allows. What is waited for goes on. @throws `aborted` */
export async function abortable<Value>(
  work: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (!signal) return work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(abortedError(signal));
  signal.addEventListener("abort", onAbort, { once: true });
  // Whoever else waits for it is told how it ends.
  work.catch(() => undefined);
  try {
    throwIfAborted(signal);
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
