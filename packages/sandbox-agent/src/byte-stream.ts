import type { AgentChannel } from "./agent-channel.ts";
import { SILENCE_MS, abandonOnAbort, giveUp } from "./ask.ts";
import { nextBytes } from "./next-bytes.ts";

export interface DownloadRequest {
  method: "readStream" | "archive";
  path: string;
  signal?: AbortSignal | undefined;
}

const LIMITS = { startMs: null, silenceMs: SILENCE_MS };

/**
 * The body of a call as a stream that is pulled: what nobody reads stays in the sandbox. Resolves
 * once the first bytes came, so that what cannot be read is refused and not a stream that fails.
 */
export async function download(
  channel: AgentChannel,
  { method, path, signal }: DownloadRequest,
): Promise<ReadableStream<Uint8Array>> {
  const request = { method, parameters: { path }, limits: LIMITS, signal };
  const { call, leave } = await channel.begin({ ...request, kind: "long" });
  const release = abandonOnAbort(call, signal);
  const end = (): void => {
    release();
    leave();
  };
  call.result.then(end, end);
  const first = await nextBytes(call);
  const pass = (
    controller: ReadableStreamDefaultController<Uint8Array>,
    bytes: Uint8Array | null,
  ): void => (bytes ? controller.enqueue(bytes) : controller.close());
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => pass(controller, first),
      pull: async (controller) => pass(controller, await nextBytes(call)),
      cancel: () => giveUp(call, new Error("the stream was cancelled")),
    },
    { highWaterMark: 0 },
  );
}
