import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import { routeErrors } from "../errors/route-errors.ts";
import type { AppEnv, AppServices } from "../services.ts";
import { healthSchema } from "../wire/health.ts";
import { jsonAnswer } from "./json-answer.ts";

const health = createRoute({
  method: "get",
  path: "/healthz",
  tags: ["server"],
  summary: "What runs here",
  responses: { 200: jsonAnswer("The server answers.", healthSchema), ...routeErrors() },
});

export function healthRoutes({ sandbox, model, version }: AppServices) {
  const { name, isolation, description, reason, fallback } = sandbox;
  return new OpenAPIHono<AppEnv>().openapi(health, (c) =>
    c.json(
      {
        status: "ok" as const,
        version,
        sandbox: { provider: name, isolation, description, fallback, reason },
        model,
      },
      200,
    ),
  );
}
