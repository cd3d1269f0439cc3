import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import type { App } from "../app.ts";
import type { WireError } from "../wire/error.ts";
import { answerRefusals } from "./refusals.ts";

/** How long the headers of a request may take. */
const HEADERS_TIMEOUT_MS = 30_000;

/** How long a whole request may take to arrive: the largest upload over a slow line. */
const REQUEST_TIMEOUT_MS = 15 * 60 * 1000;

/** More connections at once are closed. Every open page holds one while a turn runs. */
const MAX_CONNECTIONS = 1000;

/** How long a stopping server lets requests come to their end. */
const CLOSE_TIMEOUT_MS = 3000;

export interface ListeningServer {
  host: string;
  port: number;
  /** Take no more requests, let those that run come to their end for a moment, then break them off. */
  close(): Promise<void>;
}

/** @throws the error of `node:net` where the address cannot be had */
export async function listen(
  app: App,
  { host, port }: { host: string; port: number },
): Promise<ListeningServer> {
  const answer = getRequestListener(app.fetch, { errorHandler: answerUnreadable });
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Without it the answer is below and not Node's, which has no body.
      requireHostHeader: false,
    },
    (incoming, outgoing) => void answer(incoming, outgoing),
  );
  answerRefusals(server);
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  await once(server, "listening");
  return { host, port: portOf(server), close: () => close(server) };
}

// Only what is no request to any route comes here: a target or a Host that is no address.
function answerUnreadable(): Response {
  const body: WireError = {
    error: {
      code: "invalid-argument",
      message: "The request's target or Host header is no address.",
    },
  };
  return Response.json(body, { status: 400 });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return address.port;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await Promise.race([closed, delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  server.closeAllConnections();
  await closed;
}
