import { SandboxError } from "@carrel/backend-protocol";
import type { Hook } from "@hono/zod-openapi";
import type { z } from "zod";
import type { AppEnv } from "../services.ts";

const SOURCES = {
  json: "body",
  query: "query",
  param: "path",
  header: "headers",
  cookie: "cookies",
  form: "body",
} as const;

type Issue = z.core.$ZodIssue;

/** What a request that does not fit its route's schema is answered: the field and what is wrong. */
export const refuseInvalidInput: Hook<unknown, AppEnv, string, void> = (result) => {
  if (result.success) return;
  const [issue] = result.error.issues;
  const source = SOURCES[result.target];
  // The validator gives the input along, which the type does not say.
  const input: unknown = "data" in result ? result.data : undefined;
  throw new SandboxError({
    code: "invalid-argument",
    message: issue === undefined ? `The ${source} is not accepted.` : explain(issue, source, input),
    cause: result.error,
  });
};

function explain(issue: Issue, source: string, input: unknown): string {
  if (issue.code === "unrecognized_keys") {
    return `The ${source} has a field that is not known: \`${shorten(issue.keys[0] ?? "")}\`.`;
  }
  const field = issue.path.join(".");
  return `${field === "" ? `The ${source}` : `\`${field}\``} ${fault(issue, valueAt(input, issue.path))}.`;
}

function fault(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return typeFault(issue.expected, value);
    case "too_small":
      if (issue.origin === "string") return "is empty";
      return `must be ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "string") return `is longer than ${issue.maximum} characters`;
      return `must be ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    default:
      // The schema's own words.
      return issue.message;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a JSON object",
  array: "a list",
};

function typeFault(expected: string, value: unknown): string {
  if (value === undefined) return "is missing";
  if (expected === "string" && Array.isArray(value)) return "must be text, given once";
  return `must be ${TYPES[expected] ?? expected}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
