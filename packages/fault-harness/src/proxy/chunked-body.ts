const LINE_FEED = 10;
const MAX_LINE_CHARS = 8192;

/** Finds the end of a body that comes in chunks, without keeping any of it. */
export class ChunkedBody {
  #state: "size" | "data" | "trailer" | "done" = "size";
  #line = "";
  #leftBytes = 0;

  get done(): boolean {
    return this.#state === "done";
  }

  /**
   * @returns how many of these bytes belong to the body
   * @throws Error where they are no chunks
   */
  take(bytes: Buffer): number {
    let taken = 0;
    while (taken < bytes.length && !this.done) {
      if (this.#state === "data") {
        const step = Math.min(this.#leftBytes, bytes.length - taken);
        this.#leftBytes -= step;
        taken += step;
        if (this.#leftBytes === 0) this.#state = "size";
      } else {
        const byte = bytes[taken++] ?? 0;
        if (byte === LINE_FEED) this.#endLine();
        else this.#line += String.fromCharCode(byte);
        if (this.#line.length > MAX_LINE_CHARS)
          throw new Error("A line between chunks has no end.");
      }
    }
    return taken;
  }

  #endLine(): void {
    const line = this.#line.trim();
    this.#line = "";
    if (this.#state === "trailer") {
      if (line === "") this.#state = "done";
      return;
    }
    const size = /^[0-9A-Fa-f]{1,12}(?=$|[;\s])/.exec(line)?.[0];
    if (size === undefined) throw new Error(`No chunk has the size ${JSON.stringify(line)}.`);
    const sizeBytes = Number.parseInt(size, 16);
    this.#state = sizeBytes === 0 ? "trailer" : "data";
    // With the line break after it.
    this.#leftBytes = sizeBytes + 2;
  }
}
