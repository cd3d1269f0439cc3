import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A server on a Unix socket that answers as a test says, for the faults that no engine can be told to have. */
export interface FakeEngine extends AsyncDisposable {
  /** For `connectEngine`. */
  host: string;
  /** Method and path of each request so far. */
  requests: readonly string[];
}

export const FAKE_VERSION: object = {
  Version: "28.1.1",
  ApiVersion: "1.49",
  MinAPIVersion: "1.24",
  Os: "linux",
  Components: [{ Name: "Engine", Version: "28.1.1" }],
};

export const FAKE_INFO: object = { Architecture: "x86_64", Driver: "overlay2", CgroupVersion: "2" };

/** Answers to paths without query and version; a value is sent as JSON. */
export type FakeAnswers = Record<string, object | RequestListener>;

/** An engine that connects, and answers what is not in `answers` with 404. */
export function startFakeEngine(answers: FakeAnswers = {}): Promise<FakeEngine> {
  const all: FakeAnswers = { "/version": FAKE_VERSION, "/info": FAKE_INFO, ...answers };
  return startServer((request, response) => {
    const path = (request.url ?? "").replace(/^\/v\d\.\d+/, "").replace(/\?.*/s, "");
    const answer = all[path] ?? notFound;
    if (typeof answer === "function") answer(request, response);
    else sendJson(response, 200, answer);
  });
}

/** Whatever this is, it is no engine. */
export async function startServer(listener: RequestListener): Promise<FakeEngine> {
  const directory = await mkdtemp(join(tmpdir(), "carrel-fake-engine-"));
  const socketPath = join(directory, "engine.sock");
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    host: `unix://${socketPath}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  sendJson(response, 404, { message: "no such object" });
}
