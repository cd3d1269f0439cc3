import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A socket in front of the engine's that keeps back answers until a test lets them go, or refuses. */
export interface HoldingProxy extends AsyncDisposable {
  /** For `connectEngine`. */
  host: string;
  /** Resolves once an answer is kept back. */
  held: Promise<void>;
  letGo: () => void;
  /** How many more of the requests are answered with 409, and never reach the engine. */
  refusals: number;
}

const REFUSAL_BODY = '{"message":"is not running"}';
const REFUSAL = [
  "HTTP/1.1 409 Conflict",
  "Content-Type: application/json",
  `Content-Length: ${REFUSAL_BODY.length}`,
  "",
  REFUSAL_BODY,
].join("\r\n");

/** @param request whose answers are kept back, such as `/^POST .*\/kill/` */
export async function startHoldingProxy(request: RegExp): Promise<HoldingProxy> {
  const directory = await mkdtemp(join(tmpdir(), "carrel-holding-"));
  const socketPath = join(directory, "engine.sock");
  const held = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect("/var/run/docker.sock");
    let isKept = false;
    client.on("data", (bytes: Buffer) => {
      isKept = request.test(bytes.toString("latin1"));
      if (isKept && proxy.refusals > 0) {
        proxy.refusals--;
        client.write(REFUSAL);
      } else {
        engine.write(bytes);
      }
    });
    engine.on("data", (bytes: Buffer) => {
      if (!isKept) return void client.write(bytes);
      held.resolve();
      void released.promise.then(() => client.write(bytes));
    });
    for (const [one, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      sockets.add(one);
      one.on("close", () => other.destroy()).on("error", () => other.destroy());
    }
  });
  server.listen(socketPath);
  await once(server, "listening");
  const proxy: HoldingProxy = {
    host: `unix://${socketPath}`,
    held: held.promise,
    letGo: released.resolve,
    refusals: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return proxy;
}
