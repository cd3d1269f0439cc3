import type { LoopShare } from "@carrel/backend-protocol";

/** How large a piece of a body is, about: what one write to a socket takes. */
const PIECE_CHARACTERS: number = 48 * 1024;

/** Longest time that making one piece may keep everybody else waiting. */
const SLICE_MS = 8;

export interface PacedStreamOptions {
  /** The event loop's time that making the pieces takes. */
  loop: LoopShare;
  /** Called once when the body ended, however it did. */
  end: () => void;
}

/**
 * Makes a body of texts: each piece is made when the socket took the one before, in turn with the work of
 * others, so that neither a slow nor a fast client of a large answer keeps others waiting.
 */
export function pacedStream(
  texts: Iterator<string, void, undefined>,
  { loop, end }: PacedStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const turn = loop.turn();
        if (turn) await turn;
        try {
          const { text, done } = nextPiece(texts, loop);
          if (text !== "") controller.enqueue(encoder.encode(text));
          if (!done) return;
        } catch (error) {
          end();
          throw error;
        }
        end();
        controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

/** Joins texts until they are worth a write, or took their time. Empty only at the end. */
export function nextPiece(
  texts: Iterator<string, void, undefined>,
  loop: LoopShare,
): { text: string; done: boolean } {
  const startedAtMs = performance.now();
  let text = "";
  let elapsedMs = 0;
  let isDone = false;
  while (!isDone && (text === "" || (text.length < PIECE_CHARACTERS && elapsedMs < SLICE_MS))) {
    const { value, done } = texts.next();
    if (done === true) isDone = true;
    else text += value;
    elapsedMs = performance.now() - startedAtMs;
  }
  loop.charge(elapsedMs);
  // It is encoded and written after that.
  loop.chargePiece(text.length);
  return { text, done: isDone };
}
