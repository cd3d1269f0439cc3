import type { AgentChannel, BegunCall } from "./agent-channel.ts";
import { SILENCE_MS, withAbort, wrongAnswer } from "./ask.ts";

export interface DownloadRequest {
  method: "readStream" | "archive";
  path: string;
  signal?: AbortSignal | undefined;
}

/**
 * The body of a call as a stream that is pulled: what nobody reads stays in the sandbox. Resolves
 * once the first bytes came, so that what cannot be read is refused and not a stream that fails.
 */
export async function download(
  channel: AgentChannel,
  { method, path, signal }: DownloadRequest,
): Promise<ReadableStream<Uint8Array>> {
  const request = {
    method,
    parameters: { path },
    kind: "long",
    silenceMs: SILENCE_MS,
    signal,
  } as const;
  const begun = await channel.begin(request);
  const next = (): Promise<Uint8Array | null> =>
    withAbort(begun.call, signal, () => nextBytes(begun));
  const first = await next();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (first) controller.enqueue(first);
        else controller.close();
      },
      async pull(controller) {
        const bytes = await next();
        if (bytes) controller.enqueue(bytes);
        else controller.close();
      },
      cancel() {
        begun.call.cancel();
        begun.leave();
      },
    },
    { highWaterMark: 0 },
  );
}

async function nextBytes({ call, leave }: BegunCall): Promise<Uint8Array | null> {
  try {
    const item = await call.next();
    if (item?.type === "event") throw wrongAnswer(new Error("an event in a stream of bytes"));
    if (item === null) leave();
    return item?.payload ?? null;
  } catch (error) {
    call.cancel();
    leave();
    throw error;
  }
}
