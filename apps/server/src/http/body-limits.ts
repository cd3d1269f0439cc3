import { SandboxError } from "@carrel/backend-protocol";
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../services.ts";
import { refuseManyValues } from "./json-structure.ts";
import type { Patience } from "./patience.ts";
import { openUpload, readBody } from "./request-body.ts";

/** Largest body of every route but uploads. */
export const MAX_JSON_BYTES: number = 1024 * 1024;

/** Largest file that can be put over HTTP. */
export const MAX_UPLOAD_BYTES: number = 256 * 1024 * 1024;

// For requests that come without a socket, and so all at once.
const limitJson = bodyLimit({
  maxSize: MAX_JSON_BYTES,
  onError: () => {
    throw tooLarge(MAX_JSON_BYTES);
  },
});

/** Methods whose body is not read into memory: they have none, or it is an upload. */
const WITHOUT_JSON = new Set(["GET", "HEAD", "PUT"]);

/**
 * Reads every body that is read into memory, within its bounds of size, time and the user's memory.
 * Uploads are streamed and have {@link limitStream}.
 */
export function limitBodies(patience: Patience): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const incoming = c.env?.incoming;
    // Before its sandbox is looked for, so that no chunk of it waits in the meantime.
    if (incoming !== undefined && c.req.method === "PUT") {
      c.set("upload", openUpload(incoming, patience));
    }
    if (WITHOUT_JSON.has(c.req.method)) return next();
    if (incoming === undefined) {
      return limitJson(c, async () => {
        refuseManyValues(new Uint8Array(await c.req.arrayBuffer()));
        await next();
      });
    }
    if (Number(c.req.header("content-length") ?? 0) > MAX_JSON_BYTES)
      throw tooLarge(MAX_JSON_BYTES);
    let stop = (_error: Error): void => {};
    const account = c.get("visit").holdMemory(0, (error) => stop(error));
    const rawBody = await readBody(incoming, {
      maxBytes: MAX_JSON_BYTES,
      tooLarge: () => tooLarge(MAX_JSON_BYTES),
      timeoutMs: patience.bodyMs,
      account,
      onEnd: (reject) => (stop = reject),
    });
    refuseManyValues(rawBody);
    // What Hono's adapter takes as the body, if it is there.
    Object.assign(incoming, { rawBody });
    return next();
  });
}

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
