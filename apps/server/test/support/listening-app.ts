import type { FileInfo } from "@carrel/backend-protocol";
import { listen } from "../../src/http/listen.ts";
import type { ListeningServer } from "../../src/http/listen.ts";
import { DEFAULT_PATIENCE } from "../../src/http/patience.ts";
import type { Patience } from "../../src/http/patience.ts";
import { RawClient } from "./raw-client.ts";
import { startTestApp } from "./test-app.ts";
import type { TestApp, TestAppOptions } from "./test-app.ts";

/** So short that tests see the end of it, and long enough for a busy machine. */
export const SHORT_PATIENCE: Patience = {
  ...DEFAULT_PATIENCE,
  headersMs: 1000,
  bodyMs: 1000,
  stallMs: 1000,
  streamStallMs: 1000,
  checkMs: 50,
};

export interface ListeningAppOptions extends TestAppOptions {
  maxConnections?: number;
}

/** A whole server on a free port. */
export class ListeningApp implements AsyncDisposable {
  readonly inner: TestApp;
  readonly server: ListeningServer;

  constructor(inner: TestApp, server: ListeningServer) {
    this.inner = inner;
    this.server = server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.server.port);
  }

  /** Sends a request whose answer the caller reads, or does not. */
  async send(method: string, path: string, body?: unknown): Promise<RawClient> {
    const client = await this.connect();
    client.send(method, path, body);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.inner[Symbol.asyncDispose]();
  }
}

export async function startListeningApp({
  maxConnections,
  patience = SHORT_PATIENCE,
  ...options
}: ListeningAppOptions = {}): Promise<ListeningApp> {
  const inner = await startTestApp({ ...options, patience });
  const server = await listen(inner.app, {
    host: "127.0.0.1",
    port: 0,
    patience,
    ...(maxConnections !== undefined && { maxConnections }),
  });
  return new ListeningApp(inner, server);
}

/** Lets every sandbox of a server list the same many files, which need not be made. */
export function listManyFiles({ services }: TestApp, count: number): void {
  const names = Array.from(
    { length: count },
    (_, index) => `file-${String(index).padStart(9, "0")}`,
  );
  const { manager } = services;
  const getSession = manager.getSession.bind(manager);
  manager.getSession = async (id, options) => ({
    ...(await getSession(id, options)),
    ls: async (_path, { limit = count, after = "" } = {}) => {
      const start = names.findIndex((name) => name > after);
      return start === -1 ? [] : names.slice(start, start + limit).map(fileNamed);
    },
  });
}

function fileNamed(name: string): FileInfo {
  return {
    name,
    path: `/workspace/${name}`,
    type: "file",
    sizeBytes: 1,
    mode: 0o644,
    modifiedAt: "2026-01-01T00:00:00.000Z",
  };
}
