import { SandboxError } from "@carrel/backend-protocol";
import type { Hook } from "@hono/zod-openapi";
import type { AppEnv } from "../services.ts";

const SOURCES = {
  json: "body",
  query: "query",
  param: "path",
  header: "headers",
  cookie: "cookies",
  form: "body",
} as const;

/** What a request that does not fit its route's schema is answered: the field and what is wrong. */
export const refuseInvalidInput: Hook<unknown, AppEnv, string, void> = (result) => {
  if (result.success) return;
  const [issue] = result.error.issues;
  const field = issue?.path.join(".");
  const where = `The ${SOURCES[result.target]}${field ? ` field "${field}"` : ""}`;
  throw new SandboxError({
    code: "invalid-argument",
    message: `${where} is not accepted: ${issue?.message ?? "it does not fit the schema"}.`,
    cause: result.error,
  });
};
