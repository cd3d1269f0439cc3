import type { ZodType } from "zod";

export interface JsonAnswer<Schema extends ZodType> {
  description: string;
  content: { "application/json": { schema: Schema } };
}

/** How a route describes an answer in JSON. */
export function jsonAnswer<Schema extends ZodType>(
  description: string,
  schema: Schema,
): JsonAnswer<Schema> {
  return { description, content: { "application/json": { schema } } };
}
