import { setTimeout as delay } from "node:timers/promises";
import { LoopShare } from "@carrel/backend-protocol";
import { jsonPieces } from "../http/json-pieces.ts";
import { nextPiece } from "../http/paced-stream.ts";
import type { LoggedEvent, TurnLog } from "./turn-log.ts";

/** How often a quiet stream says that it lives. Proxies close silent connections after 30 to 60 s. */
const HEARTBEAT_MS = 15_000;

/** How much of the log is looked at for one read. An event may be larger; it is written in pieces. */
const MAX_BATCH_BYTES = 64 * 1024;

const HEARTBEAT = ": still running\n\n";

export interface TurnEventStreamOptions {
  /** The id of the last event that the client has; 0: none. */
  after: number;
  /** The event loop's time that writing the events takes. @default its own */
  loop?: LoopShare;
  /** @default 15 seconds */
  heartbeatMs?: number;
}

/**
 * The events of a turn after an id, to its end, as the body of an event stream. It is read as fast
 * as the client takes it; what waits is in the log and nowhere else.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function turnEventStream(
  log: TurnLog,
  { after, loop = new LoopShare(), heartbeatMs = HEARTBEAT_MS }: TurnEventStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const closed = new AbortController();
  let position = after;
  // Of the events up to `position`, what has not been written.
  let frames = framesOf([]);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // A client that reads everything at once must not keep others waiting.
        const turn = loop.turn();
        if (turn) await turn;
        const { text: rest } = nextPiece(frames, loop);
        if (rest !== "") {
          controller.enqueue(encoder.encode(rest));
          return;
        }
        const changed = log.changed();
        let batch = log.read(position, MAX_BATCH_BYTES);
        if (batch.length === 0 && !log.ended) {
          if ((await firstOf(changed, heartbeatMs, closed.signal)) === "heartbeat") {
            controller.enqueue(encoder.encode(HEARTBEAT));
            return;
          }
          batch = log.read(position, MAX_BATCH_BYTES);
        }
        if (closed.signal.aborted) return;
        position = batch.at(-1)?.id ?? log.lastId;
        frames = framesOf(batch);
        const { text, done } = nextPiece(frames, loop);
        if (text !== "") controller.enqueue(encoder.encode(text));
        if (done && log.ended && position >= log.lastId) controller.close();
        else if (batch.length === 0) controller.enqueue(encoder.encode(HEARTBEAT));
      },
      cancel: () => closed.abort(),
    },
    { highWaterMark: 0 },
  );
}

function* framesOf(events: readonly LoggedEvent[]): Generator<string, void, undefined> {
  for (const { id, event } of events) {
    yield `id: ${id}\nevent: ${event.event}\ndata: `;
    yield* jsonPieces(event.data);
    yield "\n\n";
  }
}

async function firstOf(
  changed: Promise<void>,
  heartbeatMs: number,
  closed: AbortSignal,
): Promise<"changed" | "heartbeat"> {
  const timer = new AbortController();
  const heartbeat = delay(heartbeatMs, "heartbeat" as const, {
    signal: AbortSignal.any([timer.signal, closed]),
  }).catch(() => "changed" as const);
  try {
    return await Promise.race([changed.then(() => "changed" as const), heartbeat]);
  } finally {
    timer.abort();
  }
}
