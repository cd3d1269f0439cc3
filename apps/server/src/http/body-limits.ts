import { SandboxError } from "@carrel/backend-protocol";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../services.ts";

/** Largest body of every route but uploads. */
export const MAX_JSON_BYTES: number = 1024 * 1024;

/** Largest file that can be put over HTTP. */
export const MAX_UPLOAD_BYTES: number = 256 * 1024 * 1024;

const limitJson = bodyLimit({
  maxSize: MAX_JSON_BYTES,
  onError: () => {
    throw tooLarge(MAX_JSON_BYTES);
  },
});

/** Bounds every body that is read into memory. Uploads are streamed and have {@link limitStream}. */
export const limitBodies = createMiddleware<AppEnv>((c, next) =>
  c.req.method === "PUT" ? next() : limitJson(c, next),
);

/**
 * The same bytes, ending in `too-large` as soon as there are more than `maxBytes`: also where the
 * length was not announced, or announced wrongly.
 */
export function limitStream(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): ReadableStream<Uint8Array> {
  let size = 0;
  const limiter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      controller.enqueue(chunk);
    },
  });
  return body.pipeThrough(limiter);
}

export function tooLarge(maxBytes: number): SandboxError {
  return new SandboxError({
    code: "too-large",
    message: `The body is larger than ${maxBytes / 1024 / 1024} MiB, the most that this route takes.`,
  });
}
