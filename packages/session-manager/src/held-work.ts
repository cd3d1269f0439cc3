import type { Duplex } from "node:stream";
import type { OperationOptions, ProcessHandle } from "@carrel/backend-protocol";

/** Call `release` once the process ended. */
export function heldProcess(process: ProcessHandle, release: () => void): ProcessHandle {
  void process.result.then(release, release);
  return process;
}

/** Call `release` once the connection closed. */
export function heldConnection(connection: Duplex, release: () => void): Duplex {
  if (connection.closed) release();
  else connection.once("close", release);
  return connection;
}

/** The same stream. Calls `release` once it ended, failed, or was cancelled or aborted. */
export function heldStream(
  source: ReadableStream<Uint8Array>,
  release: () => void,
  options: OperationOptions | undefined,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  // An abort ends the source; where nobody reads on, nothing else would tell.
  options?.signal?.addEventListener("abort", release, { once: true });
  const finish = (): void => {
    options?.signal?.removeEventListener("abort", release);
    release();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          finish();
          controller.close();
        } catch (error) {
          finish();
          throw error;
        }
      },
      cancel: (reason) => reader.cancel(reason).finally(finish),
    },
    { highWaterMark: 0 },
  );
}
