import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import type { App } from "../../src/app.ts";
import { compose } from "../../src/compose.ts";
import { readConfig } from "../../src/config.ts";
import type { Patience } from "../../src/http/patience.ts";
import { createLogger } from "../../src/logger.ts";
import type { ChosenModel } from "../../src/model/chat-model.ts";
import type { AppServices } from "../../src/services.ts";
import { readEvents } from "./event-stream.ts";
import type { ReceivedEvent } from "./event-stream.ts";

export interface TestAppOptions {
  /** @default the demo model */
  model?: ChosenModel;
  maxTurnMs?: number;
  /** Absolute path of the data, which then stay. @default a folder that is deleted in the end */
  dataDir?: string;
  /** @default a folder that does not exist */
  webRoot?: string;
  /** Further variables of the environment. */
  variables?: Record<string, string>;
  /** @default that of a real server */
  patience?: Patience;
}

/** A whole server without a socket, on a folder of its own, with what it logged. */
export class TestApp implements AsyncDisposable {
  readonly app: App;
  readonly services: AppServices;
  /** Each line is a JSON object. */
  readonly logLines: string[];
  readonly #dispose: () => Promise<void>;

  constructor(parts: {
    app: App;
    services: AppServices;
    logLines: string[];
    dispose: () => Promise<void>;
  }) {
    this.app = parts.app;
    this.services = parts.services;
    this.logLines = parts.logLines;
    this.#dispose = parts.dispose;
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    return this.app.request(path, init);
  }

  async createSession(userId?: string): Promise<string> {
    const query = userId === undefined ? "" : `?user_id=${encodeURIComponent(userId)}`;
    const answer = await this.request(`/sessions${query}`, { method: "POST" });
    const { session_id: sessionId } = (await answer.json()) as { session_id: string };
    return sessionId;
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.request(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  /** Begin a turn, and wait for its end. */
  async chat(sessionId: string, message: string): Promise<Response> {
    return this.post(`/sessions/${sessionId}/chat`, { message });
  }

  /** Begin a turn; its events, as they come. */
  async chatEvents(sessionId: string, message: string): Promise<AsyncGenerator<ReceivedEvent>> {
    const path = `/sessions/${sessionId}/chat`;
    const answer = await this.post(path, { message }, { Accept: "text/event-stream" });
    if (!answer.ok || answer.body === null) throw new Error(`The chat answered ${answer.status}.`);
    return readEvents(answer.body);
  }

  async put(sessionId: string, path: string, content: string): Promise<Response> {
    const query = `path=${encodeURIComponent(path)}`;
    return this.request(`/sessions/${sessionId}/files/content?${query}`, {
      method: "PUT",
      body: content,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose();
  }
}

export async function startTestApp({
  model,
  maxTurnMs,
  dataDir,
  webRoot,
  variables,
  patience,
}: TestAppOptions = {}): Promise<TestApp> {
  const folder = await mkdtemp(join(tmpdir(), "carrel-server-"));
  const logLines: string[] = [];
  const composition = await compose({
    config: readConfig(
      {
        CARREL_DATA_DIR: dataDir ?? join(folder, "data"),
        CARREL_SANDBOX: "embedded",
        ...variables,
      },
      folder,
    ),
    logger: createLogger({ write: (line) => void logLines.push(line) }),
    ...(model !== undefined && { model }),
    ...(maxTurnMs !== undefined && { maxTurnMs }),
  });
  const services = {
    ...composition.services,
    webRoot: webRoot ?? join(folder, "not-built"),
    ...(patience !== undefined && { patience }),
  };
  return new TestApp({
    app: createApp(services),
    services,
    logLines,
    dispose: async () => {
      await composition[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

/** The body of an error, and its status. */
export async function errorOf(
  answer: Response,
): Promise<{ status: number; code: string; message: string }> {
  const { error } = (await answer.json()) as { error: { code: string; message: string } };
  return { status: answer.status, ...error };
}
