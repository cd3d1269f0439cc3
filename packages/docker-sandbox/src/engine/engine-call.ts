import { SandboxError } from "@carrel/backend-protocol";
import { translateEngineError } from "./translate-engine-error.ts";
import type { EngineAction } from "./translate-engine-error.ts";

/** How long one call to the engine may take where nothing else is said. */
const DEFAULT_ENGINE_TIMEOUT_MS = 30_000;

export interface EngineCallOptions {
  /** Until the call's promise settles. @default {@link DEFAULT_ENGINE_TIMEOUT_MS} */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Runs one call to the engine with a deadline, and translates its errors. `run` passes the signal
 * on as dockerode's `abortSignal`, which closes the request's connection when it fires; a stream
 * that the call resolved with is then no longer tied to the deadline.
 *
 * @throws `timeout`, `aborted`, and what {@link translateEngineError} says
 */
export async function callEngine<T>(
  { timeoutMs = DEFAULT_ENGINE_TIMEOUT_MS, signal, ...action }: EngineCallOptions & EngineAction,
  run: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw aborted(action, signal.reason);
  const stop = new AbortController();
  const ended = Promise.withResolvers<never>();
  const end = (error: SandboxError): void => {
    ended.reject(error);
    stop.abort(error);
  };
  const onAbort = (): void => end(aborted(action, signal?.reason));
  const timer = setTimeout(() => end(timedOut(action, timeoutMs)), timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([ended.promise, run(stop.signal)]);
  } catch (error) {
    throw translateEngineError(error, action);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

function aborted({ action }: EngineAction, cause: unknown): SandboxError {
  return new SandboxError({
    code: "aborted",
    message: `Its caller aborted the attempt to ${action}.`,
    cause,
  });
}

function timedOut({ action, host }: EngineAction, timeoutMs: number): SandboxError {
  return new SandboxError({
    code: "timeout",
    message: `Docker did not ${action} within ${timeoutMs} ms; the engine at ${host} may hang or be overloaded.`,
  });
}
