import type { AppType } from "@carrel/server";
import { hc } from "hono/client";
import type { PickResponseByStatusCode } from "hono/client";
import { request } from "./request.ts";

/** The routes that answer JSON, with the server's own types. A refusal throws `ApiError`. */
export const client = hc<PickResponseByStatusCode<AppType, 200>>("/", {
  fetch: (input: RequestInfo | URL, init?: RequestInit) => request(input, init),
});
