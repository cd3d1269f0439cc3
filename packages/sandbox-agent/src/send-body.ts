import { SandboxError } from "@carrel/backend-protocol";
import type { FileContent } from "@carrel/backend-protocol";
import type { Call } from "./call.ts";

/** Send the body of a call, and its end. Never rejects: where it fails, it fails the call. */
export async function sendBody(call: Call, body: FileContent): Promise<void> {
  if (body instanceof ReadableStream) return sendStream(call, body);
  void call.write(typeof body === "string" ? Buffer.from(body, "utf8") : body);
  await call.end();
}

async function sendStream(call: Call, body: ReadableStream<Uint8Array>): Promise<void> {
  try {
    const reader = body.getReader();
    // Whoever feeds the stream is told at once that nobody reads on. A stream that ended or failed
    // has nobody to tell.
    const stopReading = (): void => void reader.cancel().catch(() => undefined);
    call.result.then(stopReading, stopReading);
    for (;;) {
      const { done, value } = await call.waitOutside(reader.read());
      if (call.over) return;
      if (done) return await call.end();
      await call.write(value);
    }
  } catch (error) {
    // Without its END the agent throws away what it has.
    call.abandon(sourceFailed(error));
  }
}

function sourceFailed(cause: unknown): SandboxError {
  return new SandboxError({
    code: "aborted",
    message: "The stream to write failed; the file is as it was.",
    cause,
  });
}
