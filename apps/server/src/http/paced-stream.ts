import { setImmediate as nextTurn } from "node:timers/promises";

/** How large a piece of a body is, about: what one write to a socket takes. */
const PIECE_CHARACTERS: number = 48 * 1024;

/** Longest time that making one piece may keep everybody else waiting. */
const SLICE_MS = 8;

/**
 * Makes a body of texts: each piece is made when the socket took the one before, and the event loop
 * turns between two of them, so that neither a slow nor a fast client of a large answer keeps others waiting.
 * @param end called once when the body ended, however it did
 */
export function pacedStream(
  texts: Iterator<string, void, undefined>,
  end: () => void = () => {},
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await nextTurn();
        const { text, done } = nextPiece(texts);
        if (text !== "") controller.enqueue(encoder.encode(text));
        if (!done) return;
        end();
        controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

/** Joins texts until they are worth a write, or took their time. Empty only at the end. */
export function nextPiece(texts: Iterator<string, void, undefined>): {
  text: string;
  done: boolean;
} {
  const deadline = performance.now() + SLICE_MS;
  let text = "";
  do {
    const { value, done } = texts.next();
    if (done === true) return { text, done };
    text += value;
  } while (text === "" || (text.length < PIECE_CHARACTERS && performance.now() < deadline));
  return { text, done: false };
}
