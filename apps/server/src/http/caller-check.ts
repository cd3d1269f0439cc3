import { createMiddleware } from "hono/factory";
import { ServerError } from "../errors/server-error.ts";
import type { AppEnv } from "../services.ts";

const LOOPBACK_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Without a login, being on this machine is what a caller is known by. A page on the web can make
 * a browser on this machine call, in two ways: under its own name, pointed at 127.0.0.1 (refused
 * by `Host`), and across origins (refused by `Origin` and `Sec-Fetch-Site`). Reading is left to
 * the browser, which gives a foreign page nothing without CORS headers.
 */
export const refuseForeignCallers = createMiddleware<AppEnv>(async (c, next) => {
  const url = new URL(c.req.url);
  const host = c.req.header("host") ?? url.host;
  if (!isLoopback(host) || !isLoopback(url.host)) {
    throw new ServerError({
      code: "forbidden",
      message: "This server answers to localhost, 127.0.0.1 and [::1] only.",
    });
  }
  if (c.req.method !== "GET" && c.req.method !== "HEAD") {
    const origin = c.req.header("origin");
    const foreignOrigin = origin !== undefined && origin !== `${url.protocol}//${host}`;
    if (foreignOrigin || c.req.header("sec-fetch-site") === "cross-site") {
      throw new ServerError({
        code: "forbidden",
        message: "A page of another origin may not do that.",
      });
    }
  }
  await next();
});

function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host.toLowerCase().replace(/:[0-9]{1,5}$/, ""));
}
