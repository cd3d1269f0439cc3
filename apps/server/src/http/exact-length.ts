/**
 * The first `length` bytes; an error where there are fewer. For an answer that announced its
 * length: a file that grew in between must not run into the next answer on the connection, and
 * one that shrank must not look complete.
 */
export function exactLength(
  body: ReadableStream<Uint8Array>,
  length: number,
): ReadableStream<Uint8Array> {
  let left = length;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const part = chunk.subarray(0, left);
        left -= part.byteLength;
        if (part.byteLength > 0) controller.enqueue(part);
        if (part.byteLength < chunk.byteLength) controller.terminate();
      },
      flush() {
        if (left > 0) throw new Error(`The file ended ${left} bytes before its announced length.`);
      },
    }),
  );
}
