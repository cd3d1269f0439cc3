import { connect } from "node:net";
import type { Socket } from "node:net";

/** What a raw client sends, and where it stops. */
export interface Stall {
  /** Bytes as they go over the connection. */
  send: string;
  /** How many bytes of the answer it reads before it reads no more. */
  read: number;
}

/** Clients that stop in the middle. They stay as they are until they are disposed of. */
export class StallingClients implements Disposable {
  readonly #port: number;
  readonly #sockets: Socket[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** How many the server has not closed. */
  get open(): number {
    return this.#sockets.filter(({ closed }) => !closed).length;
  }

  /** Resolves once it has read what it wants to, or was refused. */
  stall({ send, read }: Stall): Promise<void> {
    const socket = connect({ port: this.#port, host: "127.0.0.1" });
    this.#sockets.push(socket);
    socket.pause();
    socket.write(send);
    let left = read;
    return new Promise((resolve) => {
      socket.once("connect", () => {
        if (left === 0) resolve();
      });
      socket.on("readable", () => {
        // Taken one by one: whoever reads all that has come makes room for more.
        while (left > 0 && socket.read(1) !== null) left--;
        if (left === 0) resolve();
      });
      socket.once("error", () => resolve());
      socket.once("close", () => resolve());
    });
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A request as text. */
export function requestText(
  method: string,
  path: string,
  { body = "", headers = {} }: { body?: string; headers?: Record<string, string | number> } = {},
): string {
  const lines = Object.entries({
    Host: "localhost",
    ...(body !== "" && { "Content-Type": "application/json", "Content-Length": body.length }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}
