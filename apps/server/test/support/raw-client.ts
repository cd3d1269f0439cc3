import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

/** A client that says what it likes, and reads no more than it is asked to. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  /** Resolves when the connection is over, however it ended. */
  readonly closed: Promise<void>;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {
      // Being cut off is what many tests are about.
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1" });
    const client = new RawClient(socket);
    await once(socket, "connect");
    // Reads only what `readable` asks for.
    socket.on("readable", () => {});
    return client;
  }

  get received(): string {
    return this.#received.toString("latin1");
  }

  write(text: string): void {
    this.socket.write(text, "latin1");
  }

  send(method: string, path: string, body?: unknown): void {
    const text = body === undefined ? "" : JSON.stringify(body);
    const lines = [
      `${method} ${path} HTTP/1.1`,
      "Host: localhost",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(text)}`,
    ];
    this.write(`${lines.join("\r\n")}\r\n\r\n${text}`);
  }

  /** Reads at least that many bytes, or to the end of the connection. */
  async read(bytes: number): Promise<void> {
    const goal = this.#received.byteLength + bytes;
    while (
      this.#received.byteLength < goal &&
      !this.socket.readableEnded &&
      !this.socket.destroyed
    ) {
      const chunk = this.socket.read() as Buffer | null;
      if (chunk !== null) this.#received = Buffer.concat([this.#received, chunk]);
      else await Promise.race([once(this.socket, "readable").catch(() => {}), this.closed]);
    }
  }

  /** Reads until the text has come. */
  async readUntil(text: string): Promise<void> {
    while (!this.received.includes(text) && !this.socket.readableEnded && !this.socket.destroyed) {
      await this.read(1);
    }
  }

  /** The status of the first answer. */
  async status(): Promise<number> {
    await this.readUntil("\r\n\r\n");
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1] ?? 0);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
