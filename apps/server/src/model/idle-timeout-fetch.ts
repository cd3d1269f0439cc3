/**
 * `fetch`, but an answer whose body stands still for `idleMs` breaks off. A provider's client waits
 * for the beginning of an answer for a bounded time, and then for its next piece for ever.
 */
export function fetchWithIdleTimeout(idleMs: number): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (response.body === null) return response;
    return new Response(failWhenIdle(response.body, idleMs), response);
  };
}

function failWhenIdle(
  body: ReadableStream<Uint8Array>,
  idleMs: number,
): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const watch = (controller: TransformStreamDefaultController<Uint8Array>): void => {
    clearTimeout(timer);
    timer = setTimeout(
      () => controller.error(new DOMException("No data came.", "TimeoutError")),
      idleMs,
    );
  };
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start: watch,
      transform(chunk, controller) {
        watch(controller);
        controller.enqueue(chunk);
      },
      flush: () => clearTimeout(timer),
      cancel: () => clearTimeout(timer),
    }),
  );
}
