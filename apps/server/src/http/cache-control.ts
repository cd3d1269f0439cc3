import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../services.ts";

export const NO_STORE = "private, no-store";

/** What a route does not say otherwise about belongs to one user and is kept nowhere. */
export const keepOutOfCaches = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  if (!c.res.headers.has("Cache-Control")) c.res.headers.set("Cache-Control", NO_STORE);
});
