import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import { routeErrors } from "../errors/route-errors.ts";
import type { AppEnv, AppServices } from "../services.ts";

const metricsRoute = createRoute({
  method: "get",
  path: "/metrics",
  tags: ["server"],
  summary: "Counters and histograms for Prometheus",
  responses: {
    200: {
      description: "Prometheus' text format.",
      content: { "text/plain": { schema: z.string() } },
    },
    ...routeErrors(),
  },
});

export function metricsRoutes({ metrics }: AppServices) {
  return new OpenAPIHono<AppEnv>().openapi(metricsRoute, async (c) =>
    c.text(await metrics.metrics(), 200, { "Content-Type": metrics.contentType }),
  );
}
