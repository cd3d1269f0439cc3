import { SandboxError } from "@carrel/backend-protocol";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../services.ts";

/**
 * Refuses addresses whose percent-encoding is broken or no UTF-8. They would be decoded to
 * something else than what was meant, and so to another file or user.
 */
export const refuseBrokenEncoding = createMiddleware<AppEnv>(async (c, next) => {
  const { pathname, search } = new URL(c.req.url);
  try {
    decodeURIComponent(pathname + search);
  } catch (error) {
    throw new SandboxError({
      code: "invalid-argument",
      message:
        "The path or query of the address is not percent-encoded UTF-8: write a percent sign itself as %25.",
      cause: error,
    });
  }
  await next();
});
