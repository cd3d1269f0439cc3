import { STATUS_CODES } from "node:http";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ErrorCode, WireError } from "../wire/error.ts";
import { MAX_HEADERS } from "./connection.ts";

interface Refusal {
  status: number;
  code: ErrorCode;
  message: string;
}

const UNREADABLE: Refusal = {
  status: 400,
  code: "invalid-argument",
  message: "The bytes are no HTTP request that this server reads.",
};

// By the code of Node's error.
const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: "too-large",
    message: "The headers of the request are larger than 16 KiB.",
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    code: "too-large",
    message: "The chunks of the body have extensions of more than 16 KiB.",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: "timeout",
    message: "The request did not arrive in time.",
  },
};

const NO_TUNNEL: Refusal = {
  status: 405,
  code: "method-not-allowed",
  message: "This server is no proxy: it takes GET, HEAD, POST, PUT and DELETE.",
};

const NO_EXPECTATION: Refusal = {
  status: 417,
  code: "invalid-argument",
  message: "The only Expect header that this server knows is 100-continue.",
};

export const TOO_MANY_HEADERS: Refusal = {
  status: 431,
  code: "too-large",
  message: `The request has more than ${MAX_HEADERS} headers.`,
};

/** For a connection beyond the limit, if none of the others can give way. */
export const NO_ROOM: Refusal = {
  status: 429,
  code: "capacity",
  message:
    "The server has as many connections as it takes, and all of them are in use. Try again later.",
};

/**
 * Gives what Node refuses before any route is asked the same form of error as the routes have.
 * @param isAnswering whether an answer is being sent on a connection, into which nothing may be written
 */
export function answerRefusals(server: Server, isAnswering: (socket: Socket) => boolean): void {
  server.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket;
    const isLost = !socket.writable || error.code === "ECONNRESET";
    if (isLost || isAnswering(socket)) socket.destroy();
    else refuse(socket, REFUSALS[error.code ?? ""] ?? UNREADABLE);
  });
  server.on("connect", (_request, socket) => {
    // One who left in the meantime is told nothing.
    socket.on("error", () => socket.destroy());
    refuse(socket, NO_TUNNEL);
  });
  server.on("checkExpectation", (_request, answer) => {
    const { head, body } = rendered(NO_EXPECTATION);
    answer.writeHead(NO_EXPECTATION.status, head).end(body);
  });
}

/** Tells the client why, and closes the connection. */
export function refuse(socket: Duplex, refusal: Refusal): void {
  const { head, body } = rendered(refusal);
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  const { status } = refusal;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`, () =>
    socket.destroy(),
  );
}

function rendered({ status, code, message }: Refusal): {
  head: Record<string, string>;
  body: string;
} {
  const body = JSON.stringify({ error: { code, message } } satisfies WireError);
  const head = {
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    Connection: "close",
    ...(code === "capacity" && { "Retry-After": "1" }),
    ...(status === 405 && { Allow: "GET, HEAD, POST, PUT, DELETE" }),
  };
  return { head, body };
}
