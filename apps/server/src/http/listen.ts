import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import type { App } from "../app.ts";
import type { WireError } from "../wire/error.ts";
import { serveConnections } from "./connections.ts";
import { DEFAULT_MAX_CONNECTIONS } from "./http-limits.ts";
import { DEFAULT_PATIENCE } from "./patience.ts";
import type { Patience } from "./patience.ts";

/** Connections that the system keeps until the server looks at them. Linux takes at most its `somaxconn`. */
const LISTEN_BACKLOG = 4096;

/** How long a stopping server lets requests come to their end. */
const CLOSE_TIMEOUT_MS = 3000;

export interface ListeningServer {
  host: string;
  port: number;
  /** Take no more requests, let those that run come to their end for a moment, then break them off. */
  close(): Promise<void>;
}

export interface ListenOptions {
  host: string;
  /** 0: a free one. */
  port: number;
  /** @default {@link DEFAULT_MAX_CONNECTIONS} */
  maxConnections?: number;
  /** @default {@link DEFAULT_PATIENCE} */
  patience?: Patience;
}

/** @throws the error of `node:net` where the address cannot be had */
export async function listen(app: App, options: ListenOptions): Promise<ListeningServer> {
  const { host, port, maxConnections = DEFAULT_MAX_CONNECTIONS } = options;
  const { patience = DEFAULT_PATIENCE } = options;
  const answer = getRequestListener(app.fetch, { errorHandler: answerUnreadable });
  const server = createServer({
    headersTimeout: patience.headersMs,
    keepAliveTimeout: patience.keepAliveMs,
    connectionsCheckingInterval: patience.checkMs,
    // Bodies have bounds of their own: a large upload may take long if it goes on.
    requestTimeout: 0,
    // Without it the answer is below and not Node's, which has no body.
    requireHostHeader: false,
  });
  serveConnections(server, (incoming, outgoing) => void answer(incoming, outgoing), {
    maxConnections,
    patience,
  });
  server.listen({ port, host, backlog: LISTEN_BACKLOG });
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
