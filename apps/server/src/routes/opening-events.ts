import type { CreateSessionOptions, SessionManager } from "@carrel/session-manager";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { SSEStreamingApi } from "hono/streaming";
import type { Logger } from "pino";
import { describeError } from "../errors/describe-error.ts";
import { logCause, unknownFailure } from "../errors/error-response.ts";
import type { AppEnv } from "../services.ts";
import type { WireOpeningEvent, WireStartProgress } from "../wire/session.ts";
import { EVENT_STREAM_HEADERS } from "./event-stream.ts";

const HEARTBEAT_MS = 15_000;

export interface Opening {
  manager: SessionManager;
  logger: Logger;
  options: CreateSessionOptions;
}

/** Open a session, and tell how far that has come. Nothing is opened for a client that leaves. */
export function openingEvents(c: Context<AppEnv>, opening: Opening): Response {
  const answer = streamSSE(c, (stream) => tellOpening(c, stream, opening));
  for (const [name, value] of Object.entries(EVENT_STREAM_HEADERS)) answer.headers.set(name, value);
  return answer;
}

async function tellOpening(
  c: Context<AppEnv>,
  stream: SSEStreamingApi,
  { manager, logger, options }: Opening,
): Promise<void> {
  const left = new AbortController();
  stream.onAbort(() => left.abort());
  let id = 0;
  const tell = ({ event, data }: WireOpeningEvent): Promise<void> =>
    stream.writeSSE({ id: String(++id), event, data: JSON.stringify(data) });
  const progress = new LatestOnly<WireStartProgress>((data) =>
    tell({ event: "start-progress", data }),
  );
  // Proxies close connections that are silent.
  const heartbeat = setInterval(() => {
    if (progress.isIdle) void stream.write(": still starting\n\n");
  }, HEARTBEAT_MS);
  try {
    const sessionId = await manager.createSession({
      ...options,
      signal: left.signal,
      onProgress: (step) => progress.push(step),
    });
    await progress.settled();
    if (left.signal.aborted) await manager.endSession(sessionId);
    else await tell({ event: "session-opened", data: { session_id: sessionId } });
  } catch (error) {
    if (left.signal.aborted) return;
    await progress.settled();
    logCause(c, error, logger);
    await tell({
      event: "error",
      data: describeError(error)?.detail ?? unknownFailure(c, error, logger),
    });
  } finally {
    clearInterval(heartbeat);
  }
}

/** Passes on values one after the other; of those that come meanwhile, the latest. */
class LatestOnly<Value> {
  readonly #pass: (value: Value) => Promise<void>;
  #passing: Promise<void> | null = null;
  #next: { value: Value } | null = null;

  constructor(pass: (value: Value) => Promise<void>) {
    this.#pass = pass;
  }

  get isIdle(): boolean {
    return this.#passing === null;
  }

  push(value: Value): void {
    this.#next = { value };
    this.#passing ??= this.#passAll();
  }

  /** Resolves when nothing is left to pass on. */
  async settled(): Promise<void> {
    await this.#passing;
  }

  async #passAll(): Promise<void> {
    for (let next = this.#next; next !== null; next = this.#next) {
      this.#next = null;
      await this.#pass(next.value);
    }
    this.#passing = null;
  }
}
