import type { Socket } from "node:net";
import { ChunkedBody } from "./chunked-body.ts";
import type { Framing } from "./http-head.ts";

const MAX_WAITING_BYTES = 128 * 1024;
const MAX_HEAD_BYTES = 64 * 1024;
const END_OF_HEAD = Buffer.from("\r\n\r\n");

/**
 * What a socket receives, in pieces. It reads ahead a bounded amount, so that the end of an idle
 * connection is seen without anybody asking for bytes.
 */
export class ByteSource {
  readonly #socket: Socket;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  /** @param onEnd the other end sends nothing more, or the connection broke; called once */
  constructor(socket: Socket, onEnd: () => void) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    const end = (): void => {
      if (this.#ended) return;
      this.#ended = true;
      onEnd();
      this.#wake?.();
    };
    socket.on("end", end);
    socket.on("close", end);
    // It is followed by `close`; how a connection broke makes no difference here.
    socket.on("error", () => undefined);
  }

  /** The next bytes, or `null` at the end. One at a time may be waited for. */
  async next(): Promise<Buffer | null> {
    while (this.#waiting.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    const piece = this.#waiting.shift();
    if (piece === undefined) return null;
    this.#waitingBytes -= piece.length;
    if (this.#waitingBytes < MAX_WAITING_BYTES) this.#socket.resume();
    return piece;
  }

  /**
   * All up to the end of a message's head, or `null` where the connection ends before that.
   * @throws Error where it is too long
   */
  async head(): Promise<Buffer | null> {
    let read = Buffer.alloc(0);
    for (;;) {
      const piece = await this.next();
      if (!piece) return null;
      const searched = Math.max(0, read.length - END_OF_HEAD.length);
      read = Buffer.concat([read, piece]);
      const end = read.indexOf(END_OF_HEAD, searched);
      if (end >= 0) {
        this.#giveBack(read.subarray(end + END_OF_HEAD.length));
        return read.subarray(0, end + END_OF_HEAD.length);
      }
      if (read.length > MAX_HEAD_BYTES) throw new Error("The head of a message has no end.");
    }
  }

  /** The bytes of a body as they come. Ends early where the connection does. */
  async *body(framing: Framing): AsyncGenerator<Buffer, void> {
    if (framing.kind === "until-end") return yield* this.rest();
    const chunked = framing.kind === "chunked" ? new ChunkedBody() : null;
    let leftBytes = framing.kind === "length" ? framing.bytes : 0;
    while (chunked ? !chunked.done : leftBytes > 0) {
      const piece = await this.next();
      if (!piece) return;
      const taken = chunked ? chunked.take(piece) : Math.min(leftBytes, piece.length);
      leftBytes -= taken;
      this.#giveBack(piece.subarray(taken));
      yield piece.subarray(0, taken);
    }
  }

  /** All bytes until the end of the connection. */
  async *rest(): AsyncGenerator<Buffer, void> {
    for (let piece = await this.next(); piece; piece = await this.next()) yield piece;
  }

  #receive(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#socket.pause();
    this.#wake?.();
  }

  #giveBack(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#waiting.unshift(bytes);
    this.#waitingBytes += bytes.length;
  }
}
