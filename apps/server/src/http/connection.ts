import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Patience } from "./patience.ts";
import { hasBody } from "./refusals.ts";

/**
 * What the requests that a client sent ahead on one connection may take in memory, in bytes: some 30
 * small ones. Browsers send none ahead.
 */
const MAX_AHEAD_COST = 128 * 1024;
/** What a request and its answer take before anybody looks at them, in bytes; measured. */
const REQUEST_COST = 4 * 1024;
/** What a name or a value of a header takes beside its characters. */
const HEADER_PART_COST = 40;

/** Answers of which the client gives the pace for a long time. */
const LONG_ANSWERS = /^(?:text\/event-stream|application\/octet-stream|application\/x-tar)/;

/** What a connection is doing, and since when: it decides which one gives way when places are scarce. */
export type ConnectionState =
  | { kind: "idle"; sinceMs: number }
  | { kind: "sending"; bytesPerMs: number }
  | { kind: "not-reading"; sinceMs: number }
  | { kind: "working" };

interface Exchange {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  startedAtMs: number;
  bytesReadBefore: number;
  cost: number;
}

/** One connection of a client: what it is doing, and whether the client does its part. */
export class Connection {
  readonly socket: Socket;
  // The oldest is being answered; the others were sent ahead and wait.
  readonly #exchanges: Exchange[] = [];
  #lastAnswer: Promise<void> = Promise.resolve();
  #idleSinceMs: number;
  // What the client had taken when its time began, while something waits for it; otherwise `null`.
  #stall: { sinceMs: number; takenBytes: number } | null = null;

  constructor(socket: Socket, nowMs: number) {
    this.socket = socket;
    this.#idleSinceMs = nowMs;
  }

  /** A request is being answered, or waits for that. */
  get isBusy(): boolean {
    return this.#exchanges.length > 0;
  }

  /** An answer has begun and not ended. */
  get isAnswering(): boolean {
    return this.#exchanges.some(({ outgoing }) => outgoing.headersSent);
  }

  /**
   * Notes a request, and waits for its turn: requests of one connection are answered one at a time.
   * @returns whether to answer it
   */
  async enter(incoming: IncomingMessage, outgoing: ServerResponse): Promise<boolean> {
    if (this.socket.destroyed) return false;
    const cost = costOf(incoming);
    const isAhead = this.#exchanges.length > 0;
    // Nobody reads the body of a request that waits, and its chunks would pile up.
    if (isAhead && (hasBody(incoming) || this.#aheadCost + cost > MAX_AHEAD_COST)) {
      incoming.resume();
      this.socket.destroy();
      return false;
    }
    const exchange = {
      cost,
      incoming,
      outgoing,
      startedAtMs: performance.now(),
      bytesReadBefore: this.socket.bytesRead,
    };
    const isFirst = this.#exchanges.push(exchange) === 1;
    const before = this.#lastAnswer;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastAnswer = promise;
    outgoing.once("close", () => {
      this.#leave(exchange);
      resolve();
    });
    if (!isFirst) await before;
    return !this.socket.destroyed;
  }

  get #aheadCost(): number {
    return this.#exchanges.slice(1).reduce((sum, { cost }) => sum + cost, 0);
  }

  /** Reports what the connection is doing. */
  state(nowMs: number): ConnectionState {
    const [current] = this.#exchanges;
    if (current === undefined) return { kind: "idle", sinceMs: this.#idleSinceMs };
    if (this.#stall !== null) return { kind: "not-reading", sinceMs: this.#stall.sinceMs };
    if (current.incoming.complete) return { kind: "working" };
    const bytes = this.socket.bytesRead - current.bytesReadBefore;
    return { kind: "sending", bytesPerMs: bytes / Math.max(1, nowMs - current.startedAtMs) };
  }

  /** Reports whether the client has kept the server waiting for too long. */
  isTooSlow(nowMs: number, patience: Patience): boolean {
    const [current] = this.#exchanges;
    if (current !== undefined) return this.#isStalled(current.outgoing, nowMs, patience);
    this.#stall = null;
    // Node closes what is idle or sends its headers too slowly, with an answer. What is left are
    // clients that go on sending a body that is not wanted.
    return nowMs - this.#idleSinceMs > 2 * Math.max(patience.headersMs, patience.keepAliveMs);
  }

  #isStalled(outgoing: ServerResponse, nowMs: number, patience: Patience): boolean {
    const { socket } = this;
    if (socket.writableLength === 0) {
      this.#stall = null;
      return false;
    }
    const takenBytes = socket.bytesWritten - socket.writableLength;
    if (this.#stall === null || takenBytes - this.#stall.takenBytes >= patience.minBytes) {
      this.#stall = { sinceMs: nowMs, takenBytes };
      return false;
    }
    const isLong = LONG_ANSWERS.test(String(outgoing.getHeader("content-type")));
    const limitMs = isLong ? patience.streamStallMs : patience.stallMs;
    return nowMs - this.#stall.sinceMs >= limitMs;
  }

  #leave(exchange: Exchange): void {
    const place = this.#exchanges.indexOf(exchange);
    if (place !== -1) this.#exchanges.splice(place, 1);
    this.#stall = null;
    this.#idleSinceMs = performance.now();
  }
}

function costOf({ rawHeaders, url = "" }: IncomingMessage): number {
  return rawHeaders.reduce(
    (sum, part) => sum + HEADER_PART_COST + part.length,
    REQUEST_COST + url.length,
  );
}
