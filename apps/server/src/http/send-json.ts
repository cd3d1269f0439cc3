import type { Context, TypedResponse } from "hono";
import type { JSONParsed } from "hono/utils/types";
import type { AppEnv } from "../services.ts";
import { isSmall, jsonPieces, memoryCost } from "./json-pieces.ts";
import { pacedStream } from "./paced-stream.ts";

/**
 * Answers with JSON of any size. What is large is written in pieces, each when the client took the
 * one before, and counts as its user's memory until all of it is written.
 * @throws `capacity` if the user already has too much that waits
 */
export function sendJson<Body extends object>(
  c: Context<AppEnv>,
  body: Body,
): Response & TypedResponse<JSONParsed<Body>, 200, "json"> {
  const answer: Response = isSmall(body) ? c.json(body, 200) : streamJson(c, body);
  // Its text is that of the body, which the type of a stream cannot say.
  return answer as Response & TypedResponse<JSONParsed<Body>, 200, "json">;
}

function streamJson(c: Context<AppEnv>, body: object): Response {
  const headers = { "Content-Type": "application/json" };
  if (c.req.method === "HEAD") return c.body(null, 200, headers);
  // The whole cost until the end: a list keeps all its entries while one of them is used.
  const visit = c.get("visit");
  const account = visit.holdMemory(memoryCost(body), () => void c.env?.outgoing?.destroy());
  const end = (): void => account[Symbol.dispose]();
  return c.body(pacedStream(jsonPieces(body), { loop: visit.loop, end }), 200, headers);
}
