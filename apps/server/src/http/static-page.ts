import { existsSync } from "node:fs";
import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono, MiddlewareHandler } from "hono";
import type { AppEnv } from "../services.ts";

const NOT_BUILT = `Carrel's server runs, but its web page is not built.

Build it with: pnpm --filter @carrel/web build
The HTTP API is described at /openapi.json.
`;

/**
 * The built web page: `/`, its assets, the few files beside it, and nothing else of the file
 * system. The build names assets by their content, so that a name never changes its meaning.
 */
export function mountStaticPage(app: Hono<AppEnv>, webRoot: string): void {
  const index = join(webRoot, "index.html");
  if (!existsSync(index)) {
    app.get("/", (c) => c.text(NOT_BUILT));
    return;
  }
  app.get("/", cacheAs("no-cache"), serveStatic({ path: index }));
  app.get(
    "/assets/*",
    cacheAs("public, max-age=31536000, immutable"),
    serveStatic({ root: webRoot }),
  );
  app.get(
    "/:file{[A-Za-z0-9_-]+\\.(?:svg|png|ico|webmanifest|txt)}",
    cacheAs("no-cache"),
    serveStatic({ root: webRoot }),
  );
}

function cacheAs(cacheControl: string): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await next();
    if (c.res.ok) c.res.headers.set("Cache-Control", cacheControl);
  };
}
