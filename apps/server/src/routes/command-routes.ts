import type { ExecuteResult } from "@carrel/backend-protocol";
import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import { routeErrors } from "../errors/route-errors.ts";
import { sendJson } from "../http/send-json.ts";
import type { AppEnv, AppServices } from "../services.ts";
import { executeRequestSchema, executeResultSchema } from "../wire/command.ts";
import type { WireExecuteResult } from "../wire/command.ts";
import { jsonAnswer } from "./json-answer.ts";
import { openSandbox, sessionParameter } from "./session-parameter.ts";

const execute = createRoute({
  method: "post",
  path: "/sessions/{session_id}/execute",
  tags: ["commands"],
  summary: "Run a shell command to its end",
  description:
    "However the command ends is a result. It is stopped when the client closes the connection.",
  request: {
    params: sessionParameter,
    body: { required: true, content: { "application/json": { schema: executeRequestSchema } } },
  },
  responses: {
    200: jsonAnswer("How the command ended, and what it wrote.", executeResultSchema),
    ...routeErrors(400, 404, 410, 413, 415, 503),
  },
});

export function commandRoutes({ manager }: AppServices) {
  return new OpenAPIHono<AppEnv>().openapi(execute, async (c) => {
    const { command, timeout_seconds: timeoutSeconds } = c.req.valid("json");
    const sandbox = await openSandbox(manager, c.req.valid("param").session_id);
    const result = await sandbox.execute(command, {
      signal: c.req.raw.signal,
      ...(timeoutSeconds !== undefined && { timeoutMs: Math.ceil(timeoutSeconds * 1000) }),
    });
    return sendJson(c, wireResult(result));
  });
}

function wireResult(result: ExecuteResult): WireExecuteResult {
  const { outcome, exitCode, signal, output, truncated, durationMs } = result;
  // Often one stream has all of it: then one text is kept while the client reads, and not two.
  const stdout = result.stdout === output ? output : result.stdout;
  const stderr = result.stderr === output ? output : result.stderr;
  return {
    outcome,
    exit_code: exitCode,
    signal,
    stdout,
    stderr,
    output,
    truncated,
    duration_ms: durationMs,
  };
}
