import { OpenAPIHono } from "@hono/zod-openapi";
import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import { answerErrors, answerNotFound, errorResponse } from "./errors/error-response.ts";
import { refuseInvalidInput } from "./errors/validation-error.ts";
import { limitBodies } from "./http/body-limits.ts";
import { keepOutOfCaches } from "./http/cache-control.ts";
import { refuseForeignCallers } from "./http/caller-check.ts";
import { logRequests } from "./http/request-log.ts";
import { securityHeaders } from "./http/security-headers.ts";
import { mountStaticPage } from "./http/static-page.ts";
import { refuseBrokenEncoding } from "./http/url-encoding.ts";
import { countVisits } from "./http/visits.ts";
import { describeApi } from "./openapi.ts";
import { adminRoutes } from "./routes/admin-routes.ts";
import { chatRoutes } from "./routes/chat-routes.ts";
import { commandRoutes } from "./routes/command-routes.ts";
import { fileRoutes } from "./routes/file-routes.ts";
import { healthRoutes } from "./routes/health-routes.ts";
import { metricsRoutes } from "./routes/metrics-routes.ts";
import { sessionRoutes } from "./routes/session-routes.ts";
import type { AppEnv, AppServices } from "./services.ts";

/** The HTTP API and the page, without a socket: `app.request()` and `app.fetch` call it. */
export function createApp(services: AppServices) {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalidInput });
  app.onError(answerErrors(services.logger));
  app.notFound(answerNotFound);
  // The id comes from here: a caller who chose it could point at another's line in the log.
  app.use(requestId({ headerName: "" }));
  app.use(logRequests(services.logger));
  app.use(securityHeaders, keepOutOfCaches, refuseForeignCallers);
  app.use(refuseBrokenEncoding, countVisits(services), limitBodies(services.patience));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        c.header("Allow", methods.join(", "));
        return errorResponse(c, {
          code: "method-not-allowed",
          message: `This route takes ${methods.join(", ")}.`,
        });
      },
    }),
  );
  const api = app
    .route("/", sessionRoutes(services))
    .route("/", chatRoutes(services))
    .route("/", fileRoutes(services))
    .route("/", commandRoutes(services))
    .route("/", adminRoutes(services))
    .route("/", healthRoutes(services))
    .route("/", metricsRoutes(services));
  // It takes tens of milliseconds to write, and is always the same.
  let description: string | null = null;
  app.get("/openapi.json", (c) => {
    description ??= JSON.stringify(app.getOpenAPI31Document(describeApi(services.version)));
    return c.body(description, 200, { "Content-Type": "application/json" });
  });
  mountStaticPage(app, services.webRoot);
  return api;
}

export type App = ReturnType<typeof createApp>;
